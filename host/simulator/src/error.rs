//! Why a simulated cluster could not be had.

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// No address on the loopback device could be had.
    #[error("cannot listen on the loopback device: {0}; check that 127.0.0.1 is there and ports are free")]
    Listen(#[source] std::io::Error),
    /// A scenario's own objects were refused: a defect of the scenario.
    #[error("the scenario does not fit its own cluster: {0}; this is a defect of DreamOps, please report it")]
    Scenario(String),
    /// No certificate for the loopback address could be made.
    #[error("cannot make a certificate for the loopback address: {0}; this is a defect of DreamOps, please report it")]
    Certificate(String),
}

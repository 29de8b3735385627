//! From a [`Strategy`] to the exports of a component.

/// Makes a [`Strategy`] the strategy of this component. Once per crate; outside WebAssembly it does nothing, so
/// that `cargo test` runs natively.
#[macro_export]
macro_rules! export {
    ($strategy:ident) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code)]
        const _: () = {
            type Exported = $crate::export::Exported<$strategy>;
    $crate::bindings::export_component!(Exported with_types_in $crate::bindings);
        };
    };
}

#[cfg(target_arch = "wasm32")]
pub use guest::Exported;

#[cfg(target_arch = "wasm32")]
mod guest {
    use crate::bindings::exports::dreamops::strategy::strategy::Guest;
    use crate::incident::{Execution, Incident};
    use crate::strategy::{Assessment, Descriptor, Draft, Failure, Finding, Strategy, Verdict};
    use std::marker::PhantomData;

    /// The glue between a strategy and the generated exports.
    #[doc(hidden)]
    pub struct Exported<S>(PhantomData<S>);

    /// Every call is a fresh instance, so every call sets the hook that says what went wrong before the trap.
    fn hook() {
        std::panic::set_hook(Box::new(|panic| {
            crate::host::warn(&panic.to_string());
        }));
    }

    impl<S: Strategy> Guest for Exported<S> {
        fn describe() -> Descriptor {
            hook();
            S::describe()
        }

        fn assess(incident: &Incident) -> Result<Assessment, Failure> {
            hook();
            S::assess(incident)
        }

        fn diagnose(incident: &Incident) -> Result<Finding, Failure> {
            hook();
            S::diagnose(incident)
        }

        fn plan(incident: &Incident, finding: Finding, draft: &Draft) -> Result<(), Failure> {
            hook();
            match finding {
                Finding::Cause(diagnosis) => S::plan(incident, &diagnosis, draft),
                _ => Ok(()),
            }
        }

        fn verify(incident: &Incident, execution: &Execution) -> Result<Verdict, Failure> {
            hook();
            S::verify(incident, execution)
        }
    }
}

//! What `wit-bindgen` makes of the contract in `wit/`. The one place with unsafe code: the calls across the
//! component boundary.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used
)]

wit_bindgen::generate!({
    world: "dreamops:worlds/strategy",
    path: "../../wit",
    generate_all,
    runtime_path: "::dreamops_sdk::wit_bindgen::rt",
    pub_export_macro: true,
    export_macro_name: "export_component",
    additional_derives: [PartialEq, Clone],
});

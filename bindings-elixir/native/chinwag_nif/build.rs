//! Keeps the library mapped once it is loaded.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The BEAM may unload a library when its module is purged, while a closing node's threads still
    // run in it.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}

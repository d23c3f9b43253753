//! Tells the linker that Node-API comes from the process that loads the library.

fn main() {
    napi_build::setup();
}

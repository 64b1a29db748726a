//! Tells the daemon what it is built for.
#![allow(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]

fn main() {
    let target = std::env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo::rustc-env=MILLPOND_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}

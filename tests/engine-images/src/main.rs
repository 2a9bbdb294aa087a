//! Makes the test images and prints their names.

use std::process::ExitCode;

fn main() -> ExitCode {
    match engine_images::ensure() {
        Ok(images) => {
            println!("{}\n{}", images.pipelock, images.guest);
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

//! `consortium-soak`: four authorities under load and faults; see the module it runs for what it proves.
use quire_tests::consortium::{Plan, run};
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Plan::from_args(std::env::args().skip(1)) {
        Ok(plan) => run::run(&plan).await,
        Err(why) => Err(why),
    };
    let report = match result {
        Ok(report) => report,
        Err(why) => {
            eprintln!("consortium-soak: {why}");
            return ExitCode::FAILURE;
        }
    };
    match report.plan.json {
        true => println!("{:#}", report.json()),
        false => print!("{}", report.table()),
    }
    let faults = report.faults();
    for fault in &faults {
        eprintln!("consortium-soak: {fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

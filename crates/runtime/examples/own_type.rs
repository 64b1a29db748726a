//! A pipeline over one's own type, without JSON, a configuration file or an async runtime: orders are
//! checked and taxed on two workers, and arrive in order per customer.
#![allow(clippy::print_stdout)]

use millpond_engine::{Blueprint, filter, map};
use millpond_queue::Budget;
use millpond_runtime::{LocalPipeline, Options, Row};

#[derive(Clone)]
struct Order {
    customer: usize,
    number: u64,
    cents: u64,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stages = Blueprint::builder()
        .stage("paid", filter(|order: &Order| order.cents > 0))
        .stage(
            "tax",
            map(|order: &mut Order| order.cents += order.cents / 5),
        );
    let mut last = vec![None; 100];
    let till = move |row: Row<Order>| {
        let before = last[row.item.customer].replace(row.item.number);
        assert!(before < Some(row.item.number), "order per customer");
    };
    let options = Options::new(2, Budget::new(64 << 20));
    let (pipeline, feed) = LocalPipeline::start("orders", &options, stages, till)?;
    let mut feed = feed.keyed(|order: &Order| order.customer as u64);
    for number in 0..1_000 {
        let order = |customer| Order {
            customer,
            number,
            cents: number % 4 * 100,
        };
        feed.push((0..100).map(order).collect())
            .map_err(|lost| format!("{lost} orders lost"))?;
    }
    drop(feed); // the end of the input: everything ends by itself, in order
    let totals = pipeline.join()?;
    println!(
        "{} orders delivered, {} filtered",
        totals.delivered, totals.filtered
    );
    assert_eq!(
        (totals.delivered, totals.filtered, totals.live),
        (75_000, 25_000, 0)
    );
    Ok(())
}

//! Progress on a terminal: a bar for each bottle that something is done to.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bottle_executors::run::{Event, Reporter};
use bottle_planner::address::Address;
use bottle_planner::plan::Plan;
use bottle_planner::render::harmless;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::lines::line;

/// How often a bar moves by itself.
const TICK: Duration = Duration::from_millis(120);

/// One bar for what is shared, and one for each bottle.
pub(crate) struct Bars {
    all: MultiProgress,
    bars: HashMap<String, ProgressBar>,
    since: Instant,
}

impl Bars {
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut counts: Vec<(String, u64)> = Vec::new();
        for task in plan.tasks() {
            let name = task.address.bottle().unwrap_or(Address::SHARED);
            match counts.iter_mut().find(|(other, _)| other == name) {
                Some((_, count)) => *count += 1,
                None => counts.push((name.to_owned(), 1)),
            }
        }
        let width = counts.iter().map(|(name, _)| harmless(name).len()).max().unwrap_or(0);
        let template = format!("{{spinner}} {{prefix:<{width}}} {{bar:20}} {{pos:>3}}/{{len:<3}} {{wide_msg}}");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let all = MultiProgress::new();
        let bars = counts.into_iter().map(|(name, count)| {
            let bar = all.add(ProgressBar::new(count).with_style(style.clone()).with_prefix(harmless(&name)));
            bar.enable_steady_tick(TICK);
            (name, bar)
        });
        Self { bars: bars.collect(), all, since: Instant::now() }
    }

    fn bar(&self, address: &Address) -> Option<&ProgressBar> {
        self.bars.get(address.bottle().unwrap_or(Address::SHARED))
    }
}

impl Reporter for Bars {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Began { work } => {
                if let Some(bar) = self.bar(work.address) {
                    let step = work.address.as_str().split_once('/').map_or("", |(_, step)| step);
                    bar.set_message(harmless(step));
                }
            }
            Event::Done { work, notes, .. } => {
                if let (false, Some(line)) = (notes.is_empty(), line(event, self.since)) {
                    let _ = self.all.println(line);
                }
                if let Some(bar) = self.bar(work.address) {
                    bar.inc(1);
                    if bar.position() == bar.length().unwrap_or(0) {
                        bar.finish_with_message("done");
                    }
                }
            }
            Event::RunEnded { .. } => {
                for bar in self.bars.values().filter(|bar| !bar.is_finished()) {
                    bar.abandon();
                }
                if let Some(line) = line(event, self.since) {
                    super::note(&line);
                }
            }
            Event::RunBegan { .. } => {}
            Event::Failed { .. } | Event::Skipped { .. } | Event::Stopping { .. } | Event::Hurrying { .. } => {
                if let Some(line) = line(event, self.since) {
                    let _ = self.all.println(line);
                }
            }
        }
    }
}

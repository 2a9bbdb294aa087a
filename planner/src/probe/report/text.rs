//! For people: what is refuted first, then what every guarantee came to, then every probe.

use std::fmt::Write as _;

use crate::probe::outcome::is_claimed;
use crate::probe::{Found, Verdict, Verification, Verified};
use crate::render::harmless;

pub(super) fn text(verification: &Verification) -> String {
    let mut out = format!("{}\n", verification.summary());
    for bottle in &verification.bottles {
        of_bottle(&mut out, bottle);
    }
    out
}

pub(super) fn of_bottle(out: &mut String, bottle: &Verified) {
    let _ = writeln!(out, "\n{}", bottle.bottle);
    guarantees(out, bottle);
    probes(out, bottle);
}

pub(super) fn guarantees(out: &mut String, bottle: &Verified) {
    for (guarantee, claim, found) in &bottle.guarantees {
        let sign = match found {
            Found::Refuted(_) if is_claimed(claim) => '!',
            Found::Proven => '+',
            _ => ' ',
        };
        let because = match found {
            Found::Proven => match bottle.limits_of(*guarantee).collect::<Vec<_>>().join(", ") {
                limits if limits.is_empty() => limits,
                limits => format!("but for {limits}"),
            },
            Found::Refuted(by) | Found::Unknown(by) => {
                let names: Vec<&str> = by.iter().map(|reason| reason.split(": ").next().unwrap_or(reason)).collect();
                match &names[..] {
                    ["no probe asks of it"] => "no probe asks of it".to_owned(),
                    names => names.join(", "),
                }
            }
        };
        let line =
            format!("{sign} {guarantee:<18} claimed {:<9} {:<8}{}", claim.word(), found.word(), harmless(&because));
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

pub(super) fn probes(out: &mut String, bottle: &Verified) {
    if bottle.findings.is_empty() {
        return;
    }
    out.push_str("\n  probes\n");
    for finding in &bottle.findings {
        let sign = match finding.judged.verdict {
            Verdict::Held => ' ',
            Verdict::Broken(_) => '!',
            Verdict::Unknown(_) => '~',
        };
        let asked = if finding.probe.asked() == "engine" { " (the engine says)" } else { "" };
        let _ = writeln!(
            out,
            "{sign} {:<20} {:<8}{}{asked}",
            finding.probe.name,
            finding.judged.verdict.word(),
            finding.probe.question
        );
        if let Some(reason) = finding.judged.verdict.reason() {
            let _ = writeln!(out, "{:31}{}", "", harmless(reason));
        }
        if !finding.judged.notes.is_empty() {
            let _ = writeln!(out, "{:31}not told: {}", "", harmless(&finding.judged.notes.join("; ")));
        }
    }
    if !bottle.limits.is_empty() {
        out.push_str("\n  limits\n");
    }
    for limit in &bottle.limits {
        let sign = if limit.judged.limits { '~' } else { ' ' };
        let _ = writeln!(out, "{sign} {:<20} {}", limit.probe.name, limit.probe.question);
        let _ = writeln!(out, "{:23}{}", "", harmless(&limit.judged.notes.join("; ")));
    }
}

//! `network`.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::{all_or_some, print_json};
use crate::failure::{Done, Failure};
use crate::parse::Parsed;
use crate::service::{Service, now};
use crate::shapes;
use crate::spec::{labels, names};
use crate::state::{DEFAULT_NETWORK, Network, State};

const PLUGIN: &str = "container-network-vmnet";

pub(super) fn network(mut service: Service<'_>, verb: &str, parsed: &Parsed) -> Done {
    match verb {
        "create" => create(&mut service, parsed),
        "delete" => delete(&mut service, parsed),
        "inspect" => inspect(service.state(), parsed),
        "list" => list(service.state(), parsed),
        _ => prune(&mut service),
    }
}

fn create(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let name = &parsed.arguments[0];
    names::network(name)?;
    let labels = labels::of_resource(parsed.values("label"))?;
    if service.state().networks.contains_key(name) {
        return Err(Failure::new(format_args!("network {name} already exists")));
    }
    if parsed.value("plugin").is_some_and(|plugin| plugin != PLUGIN) {
        return Err(Failure::double("it has no other network plugin than vmnet's"));
    }
    let invalid = |text: &str| Failure::new(format_args!("invalid subnet {text}"));
    let asked = parsed.value("subnet").map(|text| text.parse::<Ipv4Net>().map_err(|_| invalid(text))).transpose()?;
    let asked = asked.map(|subnet| subnet.trunc());
    // `container` checks ranges that were asked for only; what another has is refused further down, by a text that is not known.
    let overlaps =
        |other: &&Network| asked.is_some_and(|asked| asked.contains(&other.subnet) || other.subnet.contains(&asked));
    if let (Some(asked), Some(other)) = (asked, service.state().networks.values().find(overlaps)) {
        return Err(Failure::new(format_args!(
            "IPv4 subnet {asked} overlaps an existing network with subnet {}",
            other.subnet
        )));
    }
    let pair = |option: &String| option.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let options = parsed
        .values("option")
        .iter()
        .map(|option| pair(option).ok_or_else(|| Failure::validation(format_args!("invalid option format {option}"))));
    let network = Network {
        created: now(),
        internal: parsed.has("internal"),
        labels,
        options: options.collect::<Result<BTreeMap<_, _>, _>>()?,
        plugin: PLUGIN.to_owned(),
        subnet: asked.unwrap_or_else(|| service.free_range(name)),
        explicit: asked.is_some(),
        subnet_v6: parsed.value("subnet-v6").map(str::to_owned),
        last: 1,
        on_engine: false,
    };
    service.state().networks.insert(name.clone(), network);
    // Asked for at once, so that a range that is taken is told of here.
    if let Err(failure) = service.make_networks(std::iter::once(name.as_str())) {
        service.state().networks.remove(name);
        service.save()?;
        return Err(failure);
    }
    service.save()?;
    println!("{name}");
    Ok(())
}

/// The containers that refer to a network: also those that are stopped or were never started.
fn referring(state: &State, name: &str) -> Vec<String> {
    state.containers.values().filter(|container| container.is_on(name)).map(|container| container.id.clone()).collect()
}

fn list_of(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

fn delete(service: &mut Service<'_>, parsed: &Parsed) -> Done {
    let mut names: Vec<String> = if all_or_some(parsed, "network", "network name")? {
        service.state().networks.keys().filter(|name| *name != DEFAULT_NETWORK).cloned().collect()
    } else {
        parsed.arguments.clone()
    };
    names.sort();
    names.dedup();
    if names.iter().any(|name| name == DEFAULT_NETWORK) {
        return Err(Failure::new(format_args!("cannot delete a builtin network: {DEFAULT_NETWORK}")));
    }
    let state = service.state();
    let gone: Vec<String> = names.iter().filter(|name| !state.networks.contains_key(*name)).cloned().collect();
    if !gone.is_empty() {
        return Err(Failure::new(format_args!("failed to delete one or more networks: [{}]", list_of(&gone))));
    }
    let mut failed = vec![];
    for name in names {
        let referring = referring(service.state(), &name);
        if !referring.is_empty() {
            // How the data of a log line is quoted is not known.
            eprintln!(
                "failed to delete network: [error=cannot delete subnet {name} with referring containers: {}]",
                referring.join(", ")
            );
            failed.push(name);
            continue;
        }
        remove(service, &name)?;
        println!("{name}");
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format_args!("delete failed for one or more networks: [{}]", list_of(&failed))))
}

fn remove(service: &mut Service<'_>, name: &str) -> Done {
    let network = service.state().networks.remove(name);
    if let (Some(engine), Some(true)) = (&service.engine, network.map(|network| network.on_engine)) {
        engine.remove_network(name)?;
    }
    service.save()
}

fn prune(service: &mut Service<'_>) -> Done {
    let state = service.state();
    let unused = state.networks.keys().filter(|name| *name != DEFAULT_NETWORK && referring(state, name).is_empty());
    let unused: Vec<String> = unused.cloned().collect();
    for name in unused {
        remove(service, &name)?;
        println!("{name}");
    }
    Ok(())
}

fn inspect(state: &State, parsed: &Parsed) -> Done {
    let gone: Vec<&str> =
        parsed.arguments.iter().filter(|name| !state.networks.contains_key(*name)).map(String::as_str).collect();
    if !gone.is_empty() {
        return Err(Failure::new(format_args!("network not found: {}", gone.join(", "))));
    }
    let found = parsed.arguments.iter().filter_map(|name| state.networks.get_key_value(name));
    let items: Vec<_> = found.map(|(name, network)| shapes::network(name, network)).collect();
    println!("{}", crate::json::pretty(&items.into()));
    Ok(())
}

fn list(state: &State, parsed: &Parsed) -> Done {
    let items = state.networks.iter().map(|(name, network)| shapes::network(name, network)).collect();
    print_json(parsed, items, || {
        if !parsed.has("quiet") {
            println!("NETWORK  SUBNET");
        }
        for (name, network) in &state.networks {
            if parsed.has("quiet") { println!("{name}") } else { println!("{name}  {}", network.subnet) }
        }
    })
}

//! Rules in the guest: everything is dropped but what goes to the addresses behind the listed names.

use crate::address::Address;
use crate::intent::compile::Compiler;
use crate::intent::{CompileError, Exec, ExecStdin, Need, ObjectName, OutputRef, ResolveHosts, Step, Word};
use crate::manifest::Bottle;

impl Compiler<'_> {
    /// The names resolved, the rules loaded at one stroke, and the names made known to the guest, which asks no resolver.
    pub(in crate::intent) fn firewall(
        &mut self,
        bottle: &Bottle,
        hosts: &[String],
        agent: (&ObjectName, &Address),
    ) -> Result<Vec<Address>, CompileError> {
        let (container, started) = agent;
        let resolve = self.add(
            Address::of(&bottle.name, "egress", "resolve"),
            Step::ResolveHosts(ResolveHosts { hosts: hosts.to_vec() }),
            [],
        )?;
        let output = |name: &str| Word::Output(OutputRef { address: resolve.clone(), name: name.to_owned() });
        let needs = [(Need::On, started.clone()), (Need::On, resolve.clone())];
        let rules =
            Exec::as_root(container, vec!["nft".into(), "-f".into(), "-".into()], ExecStdin::Text(rules(&output)));
        let rules = self.add(Address::of(&bottle.name, "agent", "rules"), Step::Exec(rules), needs.clone())?;
        let script = "h=\"$(sed '/ # bottle$/d' /etc/hosts)\" && { printf '%s\\n' \"$h\"; sed 's/$/ # bottle/'; } >/etc/hosts.bottle \
                      && cat /etc/hosts.bottle >/etc/hosts && rm /etc/hosts.bottle";
        let names = Exec::as_root(
            container,
            vec!["sh".into(), "-c".into(), script.into()],
            ExecStdin::Text(vec![output(ResolveHosts::HOSTS_FILE)]),
        );
        let names = self.add(Address::of(&bottle.name, "agent", "hosts"), Step::Exec(names), needs)?;
        Ok(vec![rules, names])
    }
}

/// The ruleset. `nft -f` loads it as one transaction, so there is no moment without rules once there were any. The loopback addresses
/// in the sets let nothing out; they are there because a set may not be empty.
fn rules(output: &dyn Fn(&str) -> Word) -> Vec<Word> {
    let before = "table inet bottle\n\
                  delete table inet bottle\n\
                  table inet bottle {\n\
                  \x20 set allowed4 { type ipv4_addr; elements = { 127.0.0.1, ";
    let between = " } }\n\
                   \x20 set allowed6 { type ipv6_addr; elements = { ::1, ";
    let after = " } }\n\
                 \x20 chain output {\n\
                 \x20   type filter hook output priority 0; policy drop;\n\
                 \x20   oif \"lo\" accept\n\
                 \x20   ct state established,related accept\n\
                 \x20   ip daddr @allowed4 tcp dport != 53 accept\n\
                 \x20   ip6 daddr @allowed6 tcp dport != 53 accept\n\
                 \x20   icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n\
                 \x20 }\n\
                 \x20 chain input {\n\
                 \x20   type filter hook input priority 0; policy drop;\n\
                 \x20   iif \"lo\" accept\n\
                 \x20   ct state established,related accept\n\
                 \x20   icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n\
                 \x20 }\n\
                 \x20 chain forward { type filter hook forward priority 0; policy drop; }\n\
                 }\n";
    vec![before.into(), output(ResolveHosts::IPV4), between.into(), output(ResolveHosts::IPV6), after.into()]
}

# What a team might refuse in a plan, for conftest or OPA:
#
#   bottle plan --backend docker@28.5 --format json > plan.json
#   conftest test plan.json --policy docs/policy --data docs/policy/allowed.json
#
# `data.allowed.hosts` lists the hosts that bottles may reach, `data.allowed.unsafe` what their `unsafe` may allow, each as the plan says it (`capability CHOWN`).
package main

import rego.v1

# Everything below reads keys of this version of the format; of another one it could miss what it looks for.
deny contains "this is not a plan of format bottle.plan, version 1" if not known_format

known_format if {
	input.format == "bottle.plan"
	input.version == 1
	is_array(input.bottles)
	is_array(input.entries)
}

deny contains "data.allowed.hosts is missing: no host can be judged" if not is_array(data.allowed.hosts)

# No host outside the list.
deny contains message if {
	some bottle in input.bottles
	some host in bottle.allow
	not host in data.allowed.hosts
	message := sprintf("%s may reach %s, which is not on the list", [bottle.name, host])
}

# No wildcard, whether listed or not.
deny contains message if {
	some bottle in input.bottles
	some host in bottle.allow
	contains(host, "*")
	message := sprintf("%s may reach every host of %s", [bottle.name, host])
}

# No wall taken away, but by what is on the list.
deny contains message if {
	some bottle in input.bottles
	some given_up in bottle["unsafe"]
	not given_up.allow in data.allowed["unsafe"]
	message := sprintf("%s gives up %s, by what is not on the list", [bottle.name, concat(", ", given_up.loses)])
}

deny contains message if {
	some bottle in input.bottles
	not is_array(bottle["unsafe"])
	message := sprintf("%s does not say what it gives up", [bottle.name])
}

# No required guarantee that is not held.
deny contains message if {
	some bottle in input.bottles
	some required in bottle.requires
	not held(bottle, required)
	message := sprintf("%s requires %s, which is not held", [bottle.name, required])
}

held(bottle, name) if {
	some guarantee in bottle.guarantees
	guarantee.name == name
	guarantee.standing == "held"
}

# No folder of the host in an agent's container.
deny contains message if {
	some entry in input.entries
	some part in parts(entry)
	part["host-path"]
	mounts(entry)
	message := sprintf("%s mounts %s of the host", [entry.address, part["host-path"]])
}

mounts(entry) if entry.operation.step == "create container"

parts(entry) := [part |
	some word in entry.operation.command.argv
	is_array(word)
	some part in word
]

# Images by digest. What a Dockerfile builds from is its own affair: the plan does not read it.
deny contains message if {
	some entry in input.entries
	entry.operation.step == "pull image"
	some named in entry.operation.inputs
	named.name == "image"
	not pinned(named.value)
	message := sprintf("%s is not pinned by its digest", [named.value])
}

pinned(image) if {
	digest := split(image, "@sha256:")
	count(digest) == 2
	count(digest[1]) == 64
}

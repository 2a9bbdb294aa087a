//! The keys of every table, each with an example of its use.

/// One key.
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// A line that is right.
    pub(super) example: &'static str,
}

/// The keys of one kind of table.
pub(super) struct Keys {
    /// The table, as a message names it.
    pub(super) place: &'static str,
    /// In the order of the reference.
    pub(super) keys: &'static [Key],
}

impl Keys {
    /// The key of a name.
    pub(super) fn get(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

const fn key(name: &'static str, example: &'static str) -> Key {
    Key { name, example }
}

/// Every kind of table.
pub(super) const ALL: &[&Keys] = &[
    &MANIFEST, &SIDECAR, &NETWORK, &BOTTLE, &IMAGE, &PROMPT, &WORKSPACE, &ENV_VALUE, &EGRESS, &LIMITS, &SSH, &COPY,
    &EXEC, &UNSAFE, &ALLOW,
];

pub(super) const MANIFEST: Keys = Keys {
    place: "the manifest",
    keys: &[
        key("version", "version = 1"),
        key("name", "name = \"acme\""),
        key("defaults", "[defaults]"),
        key("bottle", "[bottle.NAME]"),
        key("sidecar", "[sidecar]"),
        key("network", "[network]"),
    ],
};

pub(super) const SIDECAR: Keys = Keys {
    place: "`sidecar`",
    keys: &[
        key("image", "image = { ref = \"ghcr.io/luckypipewrench/pipelock:2.3.0\" }"),
        key("resolvers", "resolvers = [\"9.9.9.9\"]"),
    ],
};

pub(super) const NETWORK: Keys = Keys { place: "`network`", keys: &[key("pool", "pool = \"10.207.0.0/16\"")] };

pub(super) const BOTTLE: Keys = Keys {
    place: "a bottle",
    keys: &[
        key("extends", "extends = \"other\""),
        key("template", "template = true"),
        key("sandbox", "sandbox = \"shared-kernel\""),
        key("image", "image = { build = \".\" }` or `image = { ref = \"node:22-slim\" }"),
        key("user", "user = \"node\"` or `user = \"1000:1000\""),
        key("home", "home = \"/home/node\""),
        key("agent", "agent = \"claude\""),
        key("command", "command = [\"sleep\", \"infinity\"]"),
        key("requires", "requires = [\"egress.allowlisted\"]"),
        key("runtime", "runtime = \"auto\""),
        key("limits", "limits = { cpus = \"2\", memory = \"4g\" }"),
        key("skills", "skills = [\"skills/review\"]"),
        key("prompt", "prompt = { file = \"prompt.md\" }` or `prompt = { text = \"...\" }"),
        key("workspace", "workspace = { from = \".\" }"),
        key("env", "env = { GIT_AUTHOR_NAME = \"me\" }"),
        key("egress", "egress = { allow = [\"api.anthropic.com\"] }"),
        key("ssh", "[[bottle.NAME.ssh]]"),
        key("copy", "[[bottle.NAME.copy]]"),
        key("exec", "[[bottle.NAME.exec]]"),
        key("unsafe", "[[bottle.NAME.unsafe]]"),
    ],
};

pub(super) const IMAGE: Keys = Keys {
    place: "`image`",
    keys: &[
        key("ref", "ref = \"node:22-slim\""),
        key("build", "build = \".\""),
        key("dockerfile", "dockerfile = \"Dockerfile\""),
        key("args", "args = { NODE_VERSION = \"22\" }"),
    ],
};

pub(super) const PROMPT: Keys = Keys {
    place: "`prompt`",
    keys: &[key("file", "file = \"prompt.md\""), key("text", "text = \"Review what others wrote.\"")],
};

pub(super) const WORKSPACE: Keys = Keys {
    place: "`workspace`",
    keys: &[key("from", "from = \".\""), key("to", "to = \"~/workspace\""), key("how", "how = \"copy\"")],
};

pub(super) const ENV_VALUE: Keys = Keys {
    place: "a value of `env`",
    keys: &[key("env", "env = \"HOST_VARIABLE\""), key("ask", "ask = \"paste your token\"")],
};

pub(super) const EGRESS: Keys = Keys {
    place: "`egress`",
    keys: &[
        key("allow", "allow = [\"api.anthropic.com\", \"*.githubusercontent.com\"]"),
        key("via", "via = \"sidecar\""),
    ],
};

pub(super) const LIMITS: Keys = Keys {
    place: "`limits`",
    keys: &[key("cpus", "cpus = \"1.5\""), key("memory", "memory = \"4g\""), key("pids", "pids = 2048")],
};

pub(super) const SSH: Keys = Keys {
    place: "`ssh`",
    keys: &[
        key("host", "host = \"gitea\""),
        key("hostname", "hostname = \"gitea.example.org\""),
        key("port", "port = 22"),
        key("user", "user = \"git\""),
        key("key", "key = \"~/.ssh/id_ed25519\""),
        key("known_host", "known_host = \"ssh-ed25519 AAAA...\""),
    ],
};

pub(super) const COPY: Keys = Keys {
    place: "`copy`",
    keys: &[
        key("from", "from = \"settings.json\""),
        key("to", "to = \"~/.claude/settings.json\""),
        key("owner", "owner = \"node\"` or `owner = \"1000:1000\""),
        key("mode", "mode = \"0600\""),
    ],
};

pub(super) const EXEC: Keys = Keys {
    place: "`exec`",
    keys: &[key("run", "run = [\"npm\", \"ci\"]"), key("user", "user = \"node\"` or `user = \"1000:1000\"")],
};

pub(super) const UNSAFE: Keys = Keys {
    place: "`unsafe`",
    keys: &[
        key("allow", "allow = \"host-network\"` or `allow = { capability = \"SYS_PTRACE\" }"),
        key("loses", "loses = [\"agent.unprivileged\"]"),
    ],
};

pub(super) const ALLOW: Keys = Keys {
    place: "`allow` of `unsafe`",
    keys: &[
        key("capability", "capability = \"SYS_PTRACE\""),
        key("device", "device = \"/dev/kvm\""),
        key("engine_socket", "engine_socket = \"/var/run/docker.sock\""),
    ],
};

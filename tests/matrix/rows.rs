//! The rows of the matrix that are no probes: trials that change something and watch what comes of it.

/// A row, the question, and the trial of `tests/docker` that answers it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) question: &'static str,
    pub(crate) trial: &'static str,
}

/// In the order of the matrix.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "E1.stopped",
        question: "does nothing get out while the proxy is stopped, and when it is back?",
        trial: "lifecycle::watched",
    },
    Row { name: "E2.killed", question: "does nothing get out while the proxy is killed?", trial: "lifecycle::watched" },
    Row {
        name: "E2.recreated",
        question: "does nothing get out while `apply` makes the proxy anew?",
        trial: "lifecycle::watched",
    },
    Row {
        name: "E3.missing",
        question: "does the agent never start when the proxy's configuration is missing?",
        trial: "lifecycle::without_configuration",
    },
    Row {
        name: "E3.invalid",
        question: "does the agent never start when the proxy's configuration is invalid?",
        trial: "lifecycle::without_configuration",
    },
    Row {
        name: "E7.drift",
        question: "does a plan show that the agent was put on one more network, and `apply` take it off?",
        trial: "lifecycle::watched",
    },
    Row {
        name: "E8.destroyed",
        question: "does `destroy` leave nothing, and does nothing get out meanwhile?",
        trial: "lifecycle::watched",
    },
    Row {
        name: "E9.restarted",
        question: "does nothing get out when the engine restarts, nor from an agent that is started before its proxy?",
        trial: "lifecycle::engine_restarted",
    },
    Row {
        name: "E10.foreigner",
        question: "are the agent and the proxy out of reach of a foreign container on the egress network?",
        trial: "lifecycle::watched",
    },
    Row {
        name: "F3.nowhere",
        question: "is a planted secret nowhere but in the agent's environment: plans, journals, argv, images, logs, inspections?",
        trial: "secrets::nowhere",
    },
];

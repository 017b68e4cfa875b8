//! The figures and what is wrong with them.
use super::{AGREE_S, FINALITY_P95_MS, Faults, Plan};
use serde_json::{Value, json};

/// What a partition did.
#[derive(Debug, Clone)]
pub struct Partition {
    /// Who was on which side.
    pub name: &'static str,
    /// Blocks that became final on the side of the first node while it lasted, after the first seconds.
    pub finalised_first: u32,
    /// The same on the side of the last node.
    pub finalised_last: u32,
    /// Blocks that the side of the first node made meanwhile.
    pub grown: u32,
    /// From the healing until all had finalised what was best then, milliseconds; none if they did not.
    pub healed_ms: Option<u64>,
}

/// Everything that was seen.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// Final blocks that were heard of.
    pub blocks: usize,
    /// Slots between the first and the last of them.
    pub slots: u64,
    /// Ascending.
    pub latencies_ms: Vec<u64>,
    /// Transfers taken, refused, and batches without answer.
    pub transfers: (u64, u64, u64),
    /// Transfers in the final chain: the growth of the nonces.
    pub included: u64,
    /// How often a node was killed.
    pub kills: u64,
    /// The partitions.
    pub partitions: Vec<Partition>,
    /// How long agreement took at the end, milliseconds; none if there was none.
    pub agreed_ms: Option<u64>,
    /// Transactions left in pools, and clients whose nonces differ between nodes.
    pub left: (u64, usize),
    /// C1.
    pub conflicts: Vec<String>,
    /// The machine's load at the end.
    pub load: String,
}

impl Report {
    fn percentile(&self, percent: usize) -> u64 {
        let last = self.latencies_ms.len().saturating_sub(1);
        self.latencies_ms.get(last * percent / 100).copied().unwrap_or(0)
    }

    /// What does not hold.
    pub fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> =
            self.conflicts.iter().map(|conflict| format!("C1: {conflict}")).collect();
        if self.agreed_ms.is_none() {
            faults.push(format!("C2: no agreement within {AGREE_S} s"));
        }
        for partition in &self.partitions {
            let stood_still = partition.finalised_first == 0 && partition.finalised_last == 0;
            let majority_went_on = partition.finalised_first > 0 && partition.finalised_last == 0;
            let is_right = if partition.name == "2+2" { stood_still } else { majority_went_on };
            if !is_right || partition.grown == 0 {
                faults.push(format!("C3: {partition:?}"));
            }
            if partition.healed_ms.is_none() {
                faults.push(format!("C2: no agreement within {AGREE_S} s after {}", partition.name));
            }
        }
        if self.left != (0, 0) {
            faults.push(format!(
                "C4: {} transactions are left in pools, nonces of {} clients differ",
                self.left.0, self.left.1
            ));
        }
        if self.plan.faults == Faults::None && self.percentile(95) > FINALITY_P95_MS {
            faults
                .push(format!("C5: finality p95 is {} ms, above {FINALITY_P95_MS} ms", self.percentile(95)));
        }
        if self.latencies_ms.is_empty() {
            faults.push("nothing became final".into());
        }
        faults
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let partition = |one: &Partition| {
            json!({
                "sides": one.name,
                "finalisedFirst": one.finalised_first,
                "finalisedLast": one.finalised_last,
                "grown": one.grown,
                "healedMs": one.healed_ms,
            })
        };
        json!({
            "seconds": self.plan.seconds,
            "faultsInjected": format!("{:?}", self.plan.faults),
            "blocks": self.blocks,
            "slots": self.slots,
            "finalityMs": { "p50": self.percentile(50), "p95": self.percentile(95), "max": self.percentile(100) },
            "transfers": {
                "accepted": self.transfers.0,
                "refused": self.transfers.1,
                "included": self.included,
                "unansweredBatches": self.transfers.2,
            },
            "kills": self.kills,
            "partitions": self.partitions.iter().map(partition).collect::<Vec<_>>(),
            "agreedMs": self.agreed_ms,
            "load": self.load,
            "faults": self.faults(),
        })
    }

    /// For people.
    pub fn table(&self) -> String {
        let ms = |time: Option<u64>| time.map_or("never".into(), |ms| format!("{ms} ms"));
        let mut rows = vec![
            ("faults", format!("{:?}", self.plan.faults)),
            ("final blocks heard of", format!("{} in {} slots", self.blocks, self.slots)),
            (
                "finality p50 / p95 / max",
                format!("{} / {} / {} ms", self.percentile(50), self.percentile(95), self.percentile(100)),
            ),
            ("transfers taken / refused", format!("{} / {}", self.transfers.0, self.transfers.1)),
            ("transfers in the final chain", self.included.to_string()),
            ("batches without answer", self.transfers.2.to_string()),
            ("kills", self.kills.to_string()),
        ];
        for one in &self.partitions {
            let text = format!(
                "{} blocks made, {} and {} final meanwhile, agreed {} after healing",
                one.grown,
                one.finalised_first,
                one.finalised_last,
                ms(one.healed_ms)
            );
            rows.push((one.name, text));
        }
        rows.push(("agreement at the end", ms(self.agreed_ms)));
        rows.push(("load of the machine", self.load.clone()));
        rows.iter().map(|(name, value)| format!("{name:<30} {value}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            plan: Plan::from_args(std::iter::empty()).unwrap(),
            blocks: 10,
            slots: 10,
            latencies_ms: (1..=100).collect(),
            transfers: (5, 0, 0),
            included: 5,
            kills: 0,
            partitions: Vec::new(),
            agreed_ms: Some(1),
            left: (0, 0),
            conflicts: Vec::new(),
            load: String::new(),
        }
    }

    #[test]
    fn each_rule_is_judged() {
        assert!(report().faults().is_empty());
        let partition = |name, first, last| Partition {
            name,
            finalised_first: first,
            finalised_last: last,
            grown: 9,
            healed_ms: Some(1),
        };
        let with = |partition| Report { partitions: vec![partition], ..report() };
        assert!(
            with(partition("2+2", 0, 0)).faults().is_empty()
                && with(partition("3+1", 7, 0)).faults().is_empty()
        );
        for (wrong, rule) in [
            (Report { conflicts: vec!["x".into()], ..report() }, "C1"),
            (Report { agreed_ms: None, ..report() }, "C2"),
            (with(Partition { healed_ms: None, ..partition("2+2", 0, 0) }), "C2"),
            (with(partition("2+2", 1, 0)), "C3"),
            (with(partition("3+1", 7, 1)), "C3"),
            (with(partition("3+1", 0, 0)), "C3"),
            (Report { left: (1, 0), ..report() }, "C4"),
            (Report { latencies_ms: vec![FINALITY_P95_MS + 1; 9], ..report() }, "C5"),
        ] {
            let faults = wrong.faults();
            assert!(faults.len() == 1 && faults[0].starts_with(rule), "{rule}: {faults:?}");
        }
        assert_eq!(report().json()["finalityMs"], json!({ "p50": 50, "p95": 95, "max": 100 }));
    }
}

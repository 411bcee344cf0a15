//! A list of faults in a file: a failing run writes one, the runner can run it again, and some are kept as regressions.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::plan::{Fault, Plan, Profile};

/// The load of a seed, and the faults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// A description, for people, of the bug that it found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) found: String,
    /// Lists without a profile use three servers as in production.
    #[serde(default)]
    pub(crate) profile: Profile,
    pub(crate) seed: u64,
    pub(crate) faults: Vec<Fault>,
}

impl List {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let list: Self =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        list.plan().check().map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(list)
    }

    /// The text of its file, with one fault in each line.
    pub(crate) fn text(&self) -> String {
        let faults: Vec<String> = self.faults.iter().map(|fault| format!("    {fault}")).collect();
        let found = serde_json::to_string(&self.found).unwrap_or_default();
        format!(
            "{{\n  \"found\": {found},\n  \"profile\": \"{}\",\n  \"seed\": {},\n  \"faults\": [\n{}\n  ]\n}}\n",
            self.profile.name(),
            self.seed,
            faults.join(",\n")
        )
    }

    pub(crate) fn plan(&self) -> Plan {
        Plan::with(self.seed, self.profile, self.faults.clone())
    }
}

/// The files of the lists that are kept as regressions.
pub(crate) fn regressions() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/regressions");
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

crate::trials! {
    fn a_list_is_read_back_as_it_was_written() {
        for profile in Profile::ALL {
            let faults = Plan::of(3, profile).faults;
            let list = List { found: "a \"reason\"".to_owned(), profile, seed: 3, faults };
            assert_eq!(serde_json::from_str::<List>(&list.text()).unwrap(), list);
        }
    }

    fn a_list_without_a_profile_is_of_production() {
        let list: List = serde_json::from_str(r#"{"seed": 3, "faults": []}"#).unwrap();
        assert_eq!(list.profile, Profile::Production);
    }

    fn every_list_that_is_kept_can_be_read() {
        for path in regressions() {
            List::read(&path).unwrap();
        }
    }
}

//! Who calls.

use crate::contract::{Error, FORBIDDEN};
use crate::Context;

impl Context {
    /// The value of the caller's attribute of that name, which its organisation vouches
    /// for.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }

    /// An error unless the caller has the attribute with that value.
    pub fn require_attribute(&self, name: &str, value: &str) -> Result<(), Error> {
        if self.attribute(name) == Some(value) {
            return Ok(());
        }
        Err(Error::new(FORBIDDEN, format!("this needs a caller whose attribute {} is {}", name, value)))
    }

    /// An error unless one of the parties calls.
    pub fn require_party(&self, parties: &[&str]) -> Result<(), Error> {
        if parties.contains(&self.caller.as_str()) {
            return Ok(());
        }
        Err(Error::new(FORBIDDEN, format!("{} may not do this", self.caller)))
    }

    /// An error unless the caller belongs to it. Contracts belong to none, and nobody belongs
    /// to one without a name.
    pub fn require_organisation(&self, name: &str) -> Result<(), Error> {
        if !name.is_empty() && self.organisation == name {
            return Ok(());
        }
        Err(Error::new(FORBIDDEN, format!("only parties of organisation {} may do this", name)))
    }
}

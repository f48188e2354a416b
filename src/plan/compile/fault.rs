//! What embedded services do wrong on purpose.

use super::compiler::Compiler;
use crate::plan::{Fault, FaultScope, Service};
use crate::scenario::fault;

impl Compiler<'_> {
    /// The faults of `service` that the variables do not rule out for this run.
    pub(super) fn all_faults(&mut self, faults: &[fault::Fault], service: Service) -> Vec<Fault> {
        faults.iter().filter_map(|fault| self.one_fault(fault, service)).collect()
    }

    fn one_fault(&mut self, fault: &fault::Fault, service: Service) -> Option<Fault> {
        if let Some(when) = &fault.when
            && !self.holds(when)
        {
            return None;
        }
        let mut plan = Fault::from(fault.kind);
        for (argument, node) in &fault.arguments {
            let value = self.known_json(node, argument.about());
            // Nothing is left of a placeholder that was told about already.
            let told = value == "";
            if let Err(why) = plan.arguments.set(*argument, value)
                && !told
            {
                self.fault(node.span, why);
            }
        }
        plan.scope = FaultScope {
            client: fault.client.as_ref().map(|text| self.known(text, "a client")),
            user: fault.user.as_ref().map(|text| self.known(text, "a user")),
            nth: fault.nth,
            times: fault.times,
        };
        if let Err(why) = plan.fits(service) {
            self.fault(fault.span, why);
        }
        Some(plan)
    }
}

//! What goes wrong on purpose.

use super::compiler::Compiler;
use crate::plan::{Clear, Fault, FaultKind, FaultScope, FaultsPlan, Service};
use crate::scenario::fault::{self, CATALOGUE, FaultSpec};
use crate::scenario::step::Switch;

impl Compiler<'_> {
    /// The faults of `service` that the variables do not rule out for this run.
    pub(super) fn all_faults(&mut self, faults: &[fault::Fault], service: Service) -> Vec<Fault> {
        faults.iter().filter_map(|fault| self.one_fault(fault, service)).collect()
    }

    /// The faults that are on from the beginning at an origin behind which `service` stands.
    pub(super) fn origin_faults(&mut self, faults: &[fault::Fault], service: Option<Service>) -> Vec<Fault> {
        let service = service.unwrap_or(Service::Edge);
        faults.iter().filter_map(|fault| self.one_fault(fault, who_does(fault.kind, service))).collect()
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

    /// A change of faults while the run is under way.
    pub(super) fn switch(&mut self, switch: &Switch) -> Option<FaultsPlan> {
        let origin = self.origin(&switch.origin)?;
        self.declared(&origin, switch.origin.span);
        let plan = self.origins.iter().find(|plan| plan.origin == origin)?;
        let service = plan.backend.service().unwrap_or(Service::Edge);
        if switch.clear.0.is_empty() && switch.add.0.is_empty() {
            self.fault_with(switch.origin.span, "`fault` changes nothing", "give it `add`, `clear` or both");
        }
        let mut kinds = Vec::new();
        let mut all = false;
        for text in &switch.clear.0 {
            match self.known(text, "a fault").as_str() {
                "all" => all = true,
                name => match FaultSpec::named(name) {
                    Some(spec) => kinds.push(spec.kind),
                    None => self.unknown(text.span, "fault", name, CATALOGUE.iter().map(|spec| spec.name).chain(["all"])),
                },
            }
        }
        let clear = if all { Clear::All } else { Clear::Kinds(kinds) };
        Some(FaultsPlan { origin, clear, add: self.origin_faults(&switch.add.0, Some(service)) })
    }
}

/// Who does a fault at an origin behind which `service` stands: what the service cannot do, the edge may.
fn who_does(kind: FaultKind, service: Service) -> Service {
    let able = |service| kind.spec().services.contains(&service);
    if !able(service) && able(Service::Edge) { Service::Edge } else { service }
}

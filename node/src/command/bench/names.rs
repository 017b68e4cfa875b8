//! Names of calls, from the runtime's type descriptions.
use quire_core::{OpaqueExtrinsic, UncheckedExtrinsic};
use quire_runtime::RuntimeCall;
use scale_info::{PortableRegistry, Registry, TypeDef, form::PortableForm, meta_type};

/// Finds the name of an extrinsic's call.
pub(super) struct CallNames {
    registry: PortableRegistry,
    calls: u32,
}

impl CallNames {
    pub(super) fn new() -> Self {
        let mut registry = Registry::new();
        let calls = registry.register_type(&meta_type::<RuntimeCall>()).id;
        Self { registry: registry.into(), calls }
    }

    /// `Pallet.call`, or what it is when this program does not know the call.
    pub(super) fn of(&self, extrinsic: &OpaqueExtrinsic) -> String {
        let Ok((_, call)) = UncheckedExtrinsic::<RuntimeCall>::from_opaque(extrinsic) else {
            return "unknown call".into();
        };
        self.find(call).unwrap_or_else(|| "unknown call".into())
    }

    fn find(&self, call: &[u8]) -> Option<String> {
        let pallet = self.variant(self.calls, *call.first()?)?;
        let inner = self.variant(pallet.fields.first()?.ty.id, *call.get(1)?)?;
        Some(format!("{}.{}", pallet.name, inner.name))
    }

    fn variant(&self, ty: u32, index: u8) -> Option<&scale_info::Variant<PortableForm>> {
        match &self.registry.resolve(ty)?.type_def {
            TypeDef::Variant(variants) => variants.variants.iter().find(|variant| variant.index == index),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_have_the_names_of_the_metadata() {
        let names = CallNames::new();
        let call = RuntimeCall::System(pallet_system::Call::remark { remark: vec![1, 2, 3] });
        assert_eq!(names.of(&UncheckedExtrinsic::bare(call).to_opaque()), "System.remark");
        assert_eq!(names.of(&OpaqueExtrinsic(vec![4, 255, 255])), "unknown call");
        assert_eq!(names.find(&[0, 99]), None);
    }
}

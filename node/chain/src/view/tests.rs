//! Views over random layers against one merged map.

use proptest::prelude::*;
use quire_core::H256;

use super::*;
use crate::environment::{Commit, Finalise, NewBlock};
use crate::testing::store::MemoryStore;

type Values = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

fn values() -> impl Strategy<Value = Values> {
    let key = proptest::collection::vec(0u8..3, 0..4);
    proptest::collection::btree_map(
        key,
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..4)),
        0..12,
    )
}

/// A view on a store that holds `base`, with `layers` over it, oldest first.
fn view(base: &Values, layers: &[Values]) -> View<MemoryStore> {
    let store = MemoryStore::default();
    let layer = |values: &Values| {
        let nodes = values.iter().map(|(key, value)| (NodePath::from_nibbles(key), value.clone())).collect();
        Arc::new(Layer { values: values.clone(), nodes })
    };
    let (hash, layer_0) = (H256::ZERO, layer(base));
    let block = NewBlock { hash, header: Arc::default(), body: Arc::default(), layer: layer_0.clone() };
    let finalise = Finalise { number: 0, hash, layer: layer_0, justification: None };
    store
        .commit(Commit { blocks: vec![block], finalise: vec![finalise], ..Commit::default() })
        .expect("works");
    View {
        store: Arc::new(store),
        base: 0,
        groups: layers.iter().rev().map(|values| Group::Single(layer(values))).collect(),
    }
}

/// The same view with some of its layers under indexes: `cuts` says how many go together.
fn indexed(mut view: View<MemoryStore>, cuts: &[usize]) -> View<MemoryStore> {
    let mut left: Vec<Arc<Layer>> = view.groups.iter().flat_map(Group::layers).cloned().collect();
    view.groups.clear();
    for cut in cuts {
        let together: Vec<_> = left.drain(..(*cut).min(left.len())).collect();
        view.groups.push(Group::Indexed(Arc::new(Index::new(together))));
    }
    view.groups.extend(left.into_iter().map(Group::Single));
    view
}

proptest! {
    #[test]
    fn r1_r3_the_newest_layer_decides(
        base in values(),
        layers in proptest::collection::vec(values(), 0..6),
        cuts in proptest::collection::vec(0usize..4, 0..3),
    ) {
        let view = indexed(view(&base, &layers), &cuts);
        let mut merged: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut touched: Vec<Vec<u8>> = vec![Vec::new(), vec![3]];
        for (key, value) in std::iter::once(&base).chain(&layers).flatten() {
            touched.push(key.clone());
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        for key in touched {
            prop_assert_eq!(view.get(&key), Ok(merged.get(&key).cloned()));
            prop_assert_eq!(view.node(&NodePath::from_nibbles(&key)), Ok(merged.get(&key).cloned()));
            let next = merged.range::<Vec<u8>, _>((Bound::Excluded(&key), Bound::Unbounded)).next();
            prop_assert_eq!(view.next_key(&key), Ok(next.map(|(key, _)| key.clone())));
        }
    }

    #[test]
    fn layers_come_back_from_the_journal(values in values()) {
        use parity_scale_codec::{Decode, Encode};
        let nodes = values.iter().map(|(key, value)| (NodePath::from_nibbles(key), value.clone())).collect();
        let layer = Layer { values, nodes };
        let bytes = layer.encode();
        prop_assert_eq!(Layer::decode(&mut &bytes[..]), Ok(layer));
        for cut in 0..bytes.len() {
            prop_assert!(Layer::decode(&mut &bytes[..cut]).is_err());
        }
        let mut other = bytes;
        other[0] = 2;
        prop_assert!(Layer::decode(&mut &other[..]).is_err());
    }
}

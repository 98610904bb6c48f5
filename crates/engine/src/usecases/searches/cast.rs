//! Who is looked for: people by their names, and when they are seen.

use crate::{
    library::LoadedFolder,
    paths::shorten,
    people::{People, Presence, folded},
    requests::PersonFilter,
    usecases::{bad_request, people::cluster_of},
};
use rushes_model::{ErrorCode, Failure};
use rushes_query::{Leaf, Query, QueryError};
use std::{collections::HashMap, sync::Arc};

/// Most people that a search may ask for beside its query.
const MAX_FILTERS: usize = 100;

/// The people that a search names.
#[derive(Default)]
pub struct Cast {
    named: HashMap<String, Presence>,
    /// Those who must be seen.
    pub required: Vec<Presence>,
}

impl Cast {
    /// Finds everybody that a query and filters name.
    ///
    /// # Errors
    /// `NotFound` for a name that nobody has, with the nearest that somebody has, and for a collection or
    /// cluster that is not there; `BadRequest` for a filter that names nobody; `CacheDir`.
    pub fn of(
        folder: &LoadedFolder,
        query: Option<&Query>,
        filters: &[PersonFilter],
    ) -> Result<Self, Failure> {
        let mut cast = Self::default();
        if let Some(Query::Expression(node)) = query {
            let leaves = node.leaves().into_iter();
            let mut names = leaves.filter_map(|(leaf, span)| match leaf {
                Leaf::Person(name) => Some((name, span)),
                _ => None,
            });
            if let Some(first) = names.next() {
                let people = everybody(folder)?;
                for (name, span) in std::iter::once(first).chain(names) {
                    let presence = by_name(&people, name).map_err(|reason| {
                        let error = QueryError::refused(span, &reason);
                        Failure::new(ErrorCode::NotFound, format!("query, {error}"))
                    })?;
                    cast.named.insert(name.clone(), presence);
                }
            }
        }
        if filters.len() > MAX_FILTERS {
            let count = filters.len();
            let message = format!("people_filter has {count} items; it takes up to {MAX_FILTERS}");
            return Err(bad_request(message));
        }
        let required = filters.iter().map(|filter| filtered(folder, filter));
        cast.required = required.collect::<Result<_, _>>()?;
        Ok(cast)
    }

    /// When somebody of this name, which the query has, is seen.
    #[must_use]
    pub fn named(&self, name: &str) -> Presence {
        self.named.get(name).cloned().unwrap_or_default()
    }
}

/// The people of all collections.
fn everybody(folder: &LoadedFolder) -> Result<Vec<Arc<People>>, Failure> {
    folder.collections().iter().map(|collection| folder.people(collection)).collect()
}

fn filtered(folder: &LoadedFolder, filter: &PersonFilter) -> Result<Presence, Failure> {
    let people = folder.people(&filter.cluster_job_name)?;
    match (&filter.cluster_id, &filter.person_name) {
        (Some(id), _) => {
            let mut presence = Presence::default();
            presence.add(&people, cluster_of(&people, id)?);
            Ok(presence)
        }
        (None, Some(name)) => by_name(&[people], name).map_err(|reason| {
            Failure::new(ErrorCode::NotFound, format!("people_filter, {reason}"))
        }),
        (None, None) => Err(bad_request(
            "people_filter takes a person_name or a cluster_id beside cluster_job_name".to_owned(),
        )),
    }
}

/// When those of a name are seen: clusters of one name are one person.
fn by_name(people: &[Arc<People>], name: &str) -> Result<Presence, String> {
    let wanted = folded(name);
    let (mut presence, mut found) = (Presence::default(), false);
    let mut nearest: Option<(f64, &str)> = None;
    for one in people {
        for cluster in one.groups.clusters() {
            let Some(known) = &cluster.name else { continue };
            let (known_folded, alike) =
                (folded(known), |known: &str| strsim::jaro_winkler(known, &wanted));
            if known_folded == wanted {
                presence.add(one, cluster);
                found = true;
            }
            let likeness = alike(&known_folded);
            if nearest.is_none_or(|(best, _)| likeness > best) {
                nearest = Some((likeness, known));
            }
        }
    }
    if found {
        return Ok(presence);
    }
    let hint = match nearest {
        Some((_, known)) => format!("; the nearest known name is \"{known}\""),
        None => String::new(),
    };
    let name = shorten(name);
    Err(format!("nobody is called \"{name}\" here{hint}"))
}

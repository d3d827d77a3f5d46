use std::collections::BTreeSet;

use super::{COLUMNS, LEGEND, Meanwhile, Policy, Wish, conflict_rules, rule};

#[test]
fn every_wish_has_its_column_and_shares_it_only_with_its_like() {
    let named: Vec<Wish> = COLUMNS
        .iter()
        .flat_map(|column| column.wishes.iter().copied())
        .collect();
    assert_eq!(named.len(), Wish::ALL.len());
    let named: BTreeSet<Wish> = named.into_iter().collect();
    assert_eq!(named, BTreeSet::from(Wish::ALL));
    for column in COLUMNS {
        for meanwhile in Meanwhile::ALL {
            for choice in [false, true] {
                let policy = Policy {
                    delete_what_others_marked: choice,
                    restore_what_others_removed: choice,
                };
                let rulings: BTreeSet<_> = column
                    .wishes
                    .iter()
                    .map(|&wish| rule(wish, meanwhile, policy))
                    .collect();
                assert_eq!(rulings.len(), 1, "{}, {meanwhile:?}", column.head);
            }
        }
    }
}

#[test]
fn the_rules_fit_a_terminal_and_explain_each_word() {
    let rules = conflict_rules();
    println!("{rules}");
    assert!(rules.lines().all(|line| line.chars().count() <= 100));
    let table = rules.lines().skip(2).take(1 + Meanwhile::ALL.len());
    assert!(table.clone().all(|line| line.len() <= 80));
    let words: BTreeSet<&str> = table
        .skip(1)
        .flat_map(|line| line.get(23..).unwrap_or_default().split_whitespace())
        .collect();
    let explained: BTreeSet<&str> = LEGEND
        .iter()
        .map(|&(word, _)| word)
        .filter(|word| !word.is_empty())
        .collect();
    assert_eq!(words, explained);
}

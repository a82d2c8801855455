"""The 28 checks of the ML Test Score: what holds, the tests that show it, and the tests that plant its bug."""

from dataclasses import dataclass

SECTIONS = {"D": "data", "M": "model", "I": "infrastructure", "O": "monitoring"}


@dataclass(frozen=True)
class Check:
    """One check: tests that pass where it holds, and tests that plant the bug and assert that it is caught."""

    key: str
    states: str
    proves: tuple[str, ...]
    planted: tuple[str, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """All of its tests."""
        return self.proves + self.planted


def named(*names: str) -> tuple[str, ...]:
    """Pytest's names of some tests: here the file without `test_` and `.py`, a colon, the test without `test_`."""
    nodes = []
    for each in names:
        file, name = each.split(":")
        folder, _, module = file.rpartition("/")
        nodes.append(f"tests/{folder + '/' if folder else ''}test_{module}.py::test_{name}")
    return tuple(nodes)


CHECKS = (
    Check(
        "D1",
        "What is expected of the data is written in a schema.",
        named("flights/contract:the_contract_changes_nothing", "pipelines/collect:collected_rows_keep_the_contract"),
        named(
            "flights/contract:the_contract_refuses",
            "pipelines/contract_check:bad_rows_are_rejected_with_all_their_reasons",
        ),
    ),
    Check(
        "D2",
        "Every feature is measured against the noise of the seed: without use it is blocked, or argued for by name.",
        named("extras/evidence/ablation:the_command"),
        named(
            "extras/evidence/ablation:a_random_column_is_refused_and_a_useful_feature_is_not",
            "extras/evidence/ablation:a_useless_feature_that_is_not_listed_ends_the_command",
        ),
    ),
    Check(
        "D3",
        "No feature costs too much.",
        named("extras/evidence/ablation:every_feature_is_within_the_budget"),
        named("extras/evidence/ablation:the_verdict"),
    ),
    Check(
        "D4",
        "Features obey the rule that they are known in time.",
        named(
            "flights/feature_set:features_read_inputs_only",
            "pipelines/collection/conditions:no_later_event_reaches_an_input",
        ),
        named(
            "leakage:no_outcome_can_be_declared_an_input", "pipelines/collection/conditions:an_earlier_arrival_is_seen"
        ),
    ),
    Check(
        "D5",
        "What is personal is controlled, and its deletion propagates.",
        named(
            "extras/operations/forget_log:a_personal_value_reaches_neither_log_nor_metrics_and_is_forgotten",
            "extras/operations/forget:a_subject_is_gone_from_every_file",
        ),
        named(
            "extras/operations/forget:what_is_left_is_found_and_named", "extras/operations/scan:a_planted_word_is_found"
        ),
    ),
    Check(
        "D6",
        "A feature can be added quickly.",
        named("extras/yours/new_feature:it_reaches_a_prediction_over_http"),
        named("extras/yours/new_feature:a_model_without_the_feature_is_no_success"),
    ),
    Check(
        "D7",
        "The code of the features is tested, for training and for serving.",
        named("flights/feature_set:features_are_row_wise", "parity:batches_over_http_give_the_same"),
        named("parity:parity_would_notice_one_changed_value", "flights/registry:changed_feature_code_is_refused"),
    ),
    Check(
        "M1",
        "The model's specification is checked in: a champion comes from a clean commit.",
        named(
            "extras/drills/provenance:a_clean_commit_of_ours_is_accepted",
            "flights/tracking:every_model_has_a_run_with_its_lineage",
        ),
        named("extras/drills/provenance:what_cannot_be_traced_is_refused"),
    ),
    Check(
        "M2",
        "Offline metrics go with online ones, shown with models degraded on purpose.",
        named("extras/evidence/correlate:the_holdout_predicts_live_traffic"),
        named("extras/evidence/correlate:a_holdout_that_misleads_is_seen"),
    ),
    Check(
        "M3",
        "Hyperparameters are tuned.",
        named(
            "extras/evidence/tune:what_is_checked_in_is_within_noise_of_the_best",
            "extras/evidence/tune:what_is_checked_in_is_in_the_space",
        ),
        named("extras/evidence/tune:a_bad_set_loses_against_what_is_checked_in"),
    ),
    Check(
        "M4",
        "What staleness costs is known.",
        named(
            "extras/evidence/backtest:every_flight_is_predicted_by_the_newest_model_of_its_cadence",
            "extras/drills/models:a_stale_model_is_worse_on_real_flights",
            "extras/evidence/cadence:the_cheapest_that_is_good_enough",
        ),
        named(
            "extras/evidence/cadence:the_best_in_one_metric_alone_is_not_taken",
            "extras/drills/run:the_guard_acts[stale-model]",
        ),
    ),
    Check(
        "M5",
        "A simpler model is not better.",
        named(
            "flights/model:each_model_beats_the_simpler_one",
            "pipelines/evaluate:the_real_candidate_beats_the_heuristic",
        ),
        named("pipelines/gate:a_bad_candidate_is_refused_for_its_own_reason"),
    ),
    Check(
        "M6",
        "The model is good enough on all important slices.",
        named(
            "pipelines/evaluation/slices:every_kind_of_slice_is_measured",
            "extras/drills/checks:every_slice_of_the_champion_suffices",
        ),
        named(
            "extras/drills/checks:a_slice_that_does_not_suffice_is_refused",
            "pipelines/evaluation/slices:a_spoiled_slice_stands_out_and_no_other",
            "monitoring/checks/slices:a_slice_that_is_wrong_fires",
        ),
    ),
    Check(
        "M7",
        "Inclusion is considered: no group is served otherwise, and no person is a feature.",
        named("extras/drills/inclusion:no_group_is_served_otherwise"),
        named(
            "extras/drills/inclusion:a_group_that_is_served_otherwise_is_found",
            "extras/drills/inclusion:a_personal_column_is_no_feature",
        ),
    ),
    Check(
        "I1",
        "Training is reproducible.",
        named("pipelines/train:two_trainings_agree_to_the_bit", "flights/model:a_fit_is_the_same_to_the_bit"),
        named("extras/drills/provenance:another_seed_is_another_model"),
    ),
    Check(
        "I2",
        "The model's specification is unit-tested.",
        named("flights/model:the_heuristic_is_the_historic_rate", "flights/model:trees_split_on_numbers_only"),
        named(
            "flights/portable:categorical_splits_are_refused", "flights/portable:trees_that_found_nothing_are_refused"
        ),
    ),
    Check(
        "I3",
        "The whole pipeline is integration-tested.",
        named("loop:the_loop_closes", "extras:the_core_walks_its_loop_without_the_extras"),
        named("extras:a_planted_import_of_an_extra_is_found", "extras/operations/loop:a_failing_target_ends_the_loop"),
    ),
    Check(
        "I4",
        "Quality is validated before serving.",
        named("pipelines/promote:promotion_and_rollback"),
        named(
            "pipelines/promote:a_forged_verdict_is_refused",
            "pipelines/evaluate:a_holdout_that_training_saw_is_refused_and_the_champion_stays",
        ),
    ),
    Check(
        "I5",
        "One example can be debugged step by step.",
        named("extras/operations/explain:the_contributions_add_up_to_what_was_served"),
        named("extras/operations/explain:an_altered_row_is_not_explained"),
    ),
    Check(
        "I6",
        "A model is canaried before it serves.",
        named("serving/extras/shadow/scoring:a_running_server_follows_shadow_canary_and_the_end_of_it"),
        named("serving/extras/shadow/scoring:a_challenger_that_fails_is_aborted_and_costs_no_answer"),
    ),
    Check(
        "I7",
        "A model can be rolled back, and drills do it.",
        named(
            "flights/registry:rollback_goes_back_step_by_step",
            "serving/champion_holder:a_promotion_and_a_rollback_are_followed",
        ),
        named(
            "extras/drills/run:the_guard_acts[bad-model]",
            "flights/registry:rollback_refuses_a_predecessor_that_no_longer_verifies",
        ),
    ),
    Check(
        "O1",
        "A change of what the model depends on fires an alert.",
        named(
            "monitoring/checks/provenance:where_nothing_is_kept_nothing_is_said",
            "deploy/lock:the_locks_agree",
        ),
        named(
            "monitoring/checks/provenance:what_a_model_was_trained_with_is_checked",
            "monitoring/checks/provenance:an_unlocked_package_is_named",
        ),
    ),
    Check(
        "O2",
        "The data's rules hold in training and in serving.",
        named(
            "serving/request:the_api_and_the_batch_contract_accept_and_refuse_the_same_rows",
            "monitoring/checks/feeds:clean_feeds_fire_nothing",
        ),
        named("serving/request:nothing_is_coerced", "monitoring/checks/feeds:a_broken_feed_fires"),
    ),
    Check(
        "O3",
        "Training and serving do not differ.",
        named("monitoring/checks/skew:served_predictions_are_the_model_s"),
        named("monitoring/checks/skew:a_millionth_is_a_mismatch"),
    ),
    Check(
        "O4",
        "Models are not too old.",
        named("monitoring/findings:three_clean_weeks_are_ok"),
        named("monitoring/findings:an_old_model_is_due"),
    ),
    Check(
        "O5",
        "The model is numerically stable.",
        named("flights/portable:missing_values_and_unseen_categories_agree"),
        named(
            "pipelines/evaluation/report:probabilities_that_are_none_are_refused_without_a_traceback",
            "serving/scoring:a_row_that_breaks_the_model_breaks_no_other_request",
        ),
    ),
    Check(
        "O6",
        "Speed and memory have not become worse.",
        named(
            "extras/operations/score:time_is_linear_and_memory_flat",
            "extras/benchmarks/serve:the_service_is_as_fast_and_as_small_as_it_should_be",
        ),
        named(
            "deploy/prometheus:every_alert_rings_where_it_should",
            "pipelines/gate:a_bad_candidate_is_refused_for_its_own_reason",
            "extras/benchmarks/serve:a_slow_service_is_seen",
        ),
    ),
    Check(
        "O7",
        "The quality of served predictions has not become worse.",
        named("monitoring/checks/performance:a_calibrated_model_fires_nothing"),
        named(
            "monitoring/checks/performance:a_lost_order_fires_for_ranking",
            "monitoring/checks/performance:wrong_probabilities_fire_for_calibration",
        ),
    ),
)

"""Every session key and every key of a widget, a class a page, so that none is spelled twice."""


class Key:
    """Keys of the Overview and Data pages, and what a visit remembers."""

    FILE = "eg_file"
    UPLOAD_ROUND = "eg_upload_round"
    SERVER_FILE = "eg_server_file"
    USE_SERVER_FILE = "eg_use_server_file"
    EARLIER_FILE = "eg_earlier_file"
    USE_EARLIER_FILE = "eg_use_earlier_file"
    ANOTHER_FILE = "eg_another_file"
    FORGET_FILE = "eg_forget_file"
    DOWNLOAD_REJECTED = "eg_download_rejected"
    MAP_BY_HAND = "eg_map_by_hand"
    MAP_SCHEMA = "eg_map_schema"
    MAP_TABLE = "eg_map_table"
    USE_MAPPING = "eg_use_mapping"
    DROP_MAPPING = "eg_drop_mapping"
    WHAT = "eg_what"
    LEARN = "eg_learn"
    BUNDLE = "eg_bundle"
    BUNDLE_ROUND = "eg_bundle_round"
    SCORE = "eg_score"
    CANCEL = "eg_cancel"
    WORST = "eg_worst"
    DOWNLOAD_PARQUET = "eg_download_parquet"
    DOWNLOAD_CSV = "eg_download_csv"
    DOWNLOAD_THRESHOLD = "eg_download_threshold"
    OPEN_LATEST = "eg_open_latest"
    SHOW_DEMO = "eg_show_demo"
    TRY_DEMO = "eg_try_demo"


class ContextKey:
    """Keys of what all pages share: which evaluation, at which threshold."""

    EVALUATION = "eg_evaluation"
    PICK = "eg_pick_evaluation"
    THRESHOLD = "eg_threshold"
    RESET = "eg_reset_threshold"
    PRESENT = "eg_present"
    STOP_PRESENTING = "eg_stop_presenting"


class StudioKey:
    """Keys of the Studio on the Threshold page."""

    TUNER = "eg_tuner"


class ErrorsKey:
    """Keys of the error distributions on the Threshold page."""

    GROUP = "eg_errors_group"


class TrainKey:
    """Keys of the Train page."""

    START = "eg_train_start"


class ReviewKey:
    """Keys of the Review page: triage, compare, report."""

    PART = "eg_review_part"
    QUEUE = "eg_review_queue"
    FLOWS = "eg_review_flows"
    QUIET = "eg_review_quiet"
    ACTOR = "eg_review_actor"
    ACTOR_INPUT = "eg_review_actor_input"
    REASON = "eg_review_reason"
    ROUND = "eg_review_round"
    NOTE = "eg_review_note"
    HIDE_DECIDED = "eg_review_hide_decided"
    HIDE_EXCLUDED = "eg_review_hide_excluded"
    LONE = "eg_review_lone"
    TRUE = "eg_review_true"
    FALSE = "eg_review_false"
    KNOWN = "eg_review_known"
    UNDO = "eg_review_undo"
    NEXT = "eg_review_next"
    PREVIOUS = "eg_review_previous"
    CONDITION = "eg_review_condition"
    EXCLUDE_REASON = "eg_review_exclude_reason"
    EXPIRES = "eg_review_expires"
    EXCLUDE = "eg_review_exclude"
    EXCLUSIONS = "eg_review_exclusions"
    REVOKE = "eg_review_revoke"
    TRY = "eg_review_try"
    MODELS = "eg_review_models"
    BUDGET = "eg_review_budget"
    OTHER_BUNDLE = "eg_review_other_bundle"
    SCORE_OTHER = "eg_review_score_other"
    SECTIONS = "eg_review_sections"
    PSEUDONYMS = "eg_review_pseudonyms"
    PSEUDONYM_KEY = "eg_review_pseudonym_key"
    MAKE_REPORT = "eg_review_make_report"
    REPORT = "eg_review_report"
    DOWNLOAD_HTML = "eg_review_download_html"
    DOWNLOAD_JSON = "eg_review_download_json"

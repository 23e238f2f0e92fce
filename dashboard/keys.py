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
    START = "eg_studio_start"
    REFINED = "eg_studio_refined"
    DECIDED = "eg_studio_decided"
    REASON = "eg_studio_reason"
    AUTHOR = "eg_studio_author"
    SAVE = "eg_studio_save"
    SAVED = "eg_studio_saved"
    NEAR = "eg_studio_near"


class ErrorsKey:
    """Keys of the error distributions on the Threshold page."""

    GROUP = "eg_errors_group"


class TrainKey:
    """Keys of the Train page."""

    SHOWN = "eg_train_shown"
    SOURCE = "eg_train_source"
    USE_SAMPLE = "eg_train_use_sample"
    BENIGN = "eg_train_benign"
    UNLABELLED = "eg_train_unlabelled"
    FEATURES = "eg_train_features"
    CONTEXT = "eg_train_context"
    SIZE = "eg_train_size"
    LENGTH = "eg_train_length"
    STEPS = "eg_train_steps"
    EPOCHS = "eg_train_epochs"
    SEED = "eg_train_seed"
    VARIANT = "eg_train_variant"
    PROMISE = "eg_train_promise"
    NAME = "eg_train_name"
    START = "eg_train_start"
    OPEN_STUDIO = "eg_train_open_studio"
    ANOTHER = "eg_train_another"
    SHOW = "eg_train_show"


class ReviewKey:
    """Keys of the Review page."""

    QUEUE = "eg_review_queue"

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
    ALL_WORST = "eg_all_worst"
    DOWNLOAD_PARQUET = "eg_download_parquet"
    DOWNLOAD_CSV = "eg_download_csv"
    DOWNLOAD_THRESHOLD = "eg_download_threshold"
    DOWNLOAD_SAMPLE = "eg_download_sample"
    OPEN_STUDIO = "eg_open_studio"
    OPEN_REVIEW = "eg_open_review"
    CALIBRATE_OPEN = "eg_calibrate_open"
    CALIBRATE_FPR = "eg_calibrate_fpr"
    CALIBRATE_WHO = "eg_calibrate_who"
    CALIBRATE_WHY = "eg_calibrate_why"
    CALIBRATE = "eg_calibrate"
    LEARN_INSTEAD = "eg_learn_instead"
    CHECK_MAPPING = "eg_check_mapping"
    SERVER_FILTER = "eg_server_filter"
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
    """Keys of the Review page."""

    QUEUE = "eg_review_queue"

"""The tables of the feeder's store, step by step: each migration takes a database one version on and is never changed again."""

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE windows(start_s INTEGER PRIMARY KEY, seen_us INTEGER NOT NULL, sure_us INTEGER NOT NULL) STRICT;
    CREATE TABLE eating(
        start_s INTEGER NOT NULL, pet TEXT NOT NULL, eating_us INTEGER NOT NULL, sure_eating_us INTEGER NOT NULL,
        present_us INTEGER NOT NULL, PRIMARY KEY(start_s, pet)) STRICT, WITHOUT ROWID;
    CREATE TABLE basis(
        start_s INTEGER NOT NULL, variant TEXT NOT NULL, band TEXT NOT NULL, efficient INTEGER NOT NULL, seen_us INTEGER NOT NULL,
        frames INTEGER NOT NULL, unproven_us INTEGER NOT NULL, bound_ppm INTEGER, PRIMARY KEY(start_s, variant, band))
        STRICT, WITHOUT ROWID;
    CREATE TABLE bouts(
        id INTEGER PRIMARY KEY, pet TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL,
        eating_us INTEGER NOT NULL, pauses INTEGER NOT NULL, score_ppm INTEGER NOT NULL, band TEXT NOT NULL,
        sure INTEGER NOT NULL, ending TEXT NOT NULL) STRICT;
    CREATE INDEX bouts_start ON bouts(start_us);
    CREATE TABLE open_bouts(
        pet TEXT NOT NULL, track INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL, eating_us INTEGER NOT NULL,
        pauses INTEGER NOT NULL, score_ppm INTEGER NOT NULL, band TEXT NOT NULL, sure INTEGER NOT NULL,
        PRIMARY KEY(pet, track)) STRICT, WITHOUT ROWID;
    CREATE TABLE days(
        day TEXT NOT NULL, pet TEXT NOT NULL, span_us INTEGER NOT NULL, seen_us INTEGER NOT NULL, sure_us INTEGER NOT NULL,
        eating_us INTEGER NOT NULL, dark_eating_us INTEGER NOT NULL, bouts INTEGER NOT NULL, basis TEXT NOT NULL,
        PRIMARY KEY(day, pet)) STRICT, WITHOUT ROWID;
    CREATE TABLE notes(
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, first_day TEXT NOT NULL, last_day TEXT, text TEXT NOT NULL,
        written_us INTEGER NOT NULL) STRICT;
    CREATE TABLE alerts(
        key TEXT PRIMARY KEY, made_us INTEGER NOT NULL, rule TEXT NOT NULL, pet TEXT NOT NULL, verdict TEXT NOT NULL,
        text TEXT NOT NULL, rests_on TEXT NOT NULL, "left" INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE clock_steps(at_us INTEGER NOT NULL, by_us INTEGER NOT NULL) STRICT;
    """,
    "CREATE TABLE scenes(place INTEGER PRIMARY KEY, grid TEXT NOT NULL, learnt_us INTEGER NOT NULL) STRICT;",
    # by local hour [seen in light, eating in it]; how much of the usual eating falls into the time seen, unknown for older days
    """
    ALTER TABLE days ADD COLUMN hours TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE days ADD COLUMN due_ppm INTEGER;
    """,
)
VERSION = len(MIGRATIONS)

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* intake.c - see intake.h. */
#include "intake.h"

#include "span.h"

#include <math.h>

/* Between two writes, after one has failed, and how long a lock is waited for. */
#define PAUSE G_TIME_SPAN_SECOND
#define PAUSE_AFTER_FAILURE (5 * G_TIME_SPAN_SECOND)
#define LOCK_PATIENCE (G_TIME_SPAN_SECOND / 10)

#define WAITING_MAX 50000u  /* readings */
#define SENSORS_MAX 200000u /* sensors whose rows are known */

/* A sensor of one BMC. */
typedef struct
{
  gint64 id;          /* its row; 0: not known yet */
  gint64 minute_done; /* later readings are in no row of `minute` */
  guint words;        /* a hash of what its row says of it */
} Sensor;

/* What a sensor's row should say. */
typedef struct
{
  Sensor *sensor;
  char *bmc, *sensor_id, *name, *type, *entity, *unit;
  gint64 time; /* of its first reading here */
} Description;

typedef struct
{
  Sensor *sensor;
  gint64 time;
  double value; /* NaN: none */
  guint32 states;
  gint8 available, severity;
} Waiting;

struct _Intake
{
  Sqlite *sqlite;
  GHashTable *sensors;     /* "bmc\nsensor_id" → Sensor */
  GHashTable *by_id;       /* gint64 * in a Sensor → Sensor */
  GPtrArray *descriptions; /* Description: to be written before the readings are */
  GArray *waiting;         /* Waiting */
  gint64 not_before;       /* monotonic time of the next write */
  gboolean failing;        /* said in the log */
  guint64 dropped;
};

static void
free_description (gpointer data)
{
  Description *description = data;

  g_free (description->bmc);
  g_free (description->sensor_id);
  g_free (description->name);
  g_free (description->type);
  g_free (description->entity);
  g_free (description->unit);
  g_free (description);
}

Intake *
intake_new (Sqlite *sqlite)
{
  Intake *intake = g_new0 (Intake, 1);

  intake->sqlite = sqlite;
  intake->sensors = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  intake->by_id = g_hash_table_new (g_int64_hash, g_int64_equal);
  intake->descriptions = g_ptr_array_new_with_free_func (free_description);
  intake->waiting = g_array_new (FALSE, FALSE, sizeof (Waiting));
  return intake;
}

void
intake_free (Intake *intake)
{
  if (intake == NULL)
    return;
  g_array_unref (intake->waiting);
  g_ptr_array_unref (intake->descriptions);
  g_hash_table_unref (intake->by_id);
  g_hash_table_unref (intake->sensors);
  g_free (intake);
}

void
intake_reset (Intake *intake)
{
  g_array_set_size (intake->waiting, 0);
  g_ptr_array_set_size (intake->descriptions, 0);
  g_hash_table_remove_all (intake->by_id);
  g_hash_table_remove_all (intake->sensors);
}

void
intake_forget_sensor (Intake *intake, gint64 id)
{
  Sensor *sensor = g_hash_table_lookup (intake->by_id, &id);

  if (sensor == NULL)
    return;
  /* A reading that waits for it needs the row again, and so its words. */
  g_hash_table_remove (intake->by_id, &id);
  sensor->id = 0;
  sensor->words = 0;
}

void
intake_note_done (Intake *intake, gint64 id, gint64 minute_done)
{
  Sensor *sensor = g_hash_table_lookup (intake->by_id, &id);

  if (sensor != NULL)
    sensor->minute_done = minute_done;
}

/* ---------------------------------------------------------------- into memory */

static guint
hash_words (const IpmidReading *reading)
{
  guint hash = g_str_hash (reading->sensor);

  hash = hash * 31 + g_str_hash (reading->sensor_type);
  hash = hash * 31 + g_str_hash (reading->entity);
  return (hash * 31 + g_str_hash (reading->unit)) | 1u;
}

static void
describe (Intake *intake, Sensor *sensor, const IpmidReading *reading)
{
  Description *description = g_new0 (Description, 1);

  description->sensor = sensor;
  description->bmc = g_strdup (reading->bmc);
  description->sensor_id = g_strdup (reading->sensor_id);
  description->name = g_strdup (reading->sensor);
  description->type = g_strdup (reading->sensor_type);
  description->entity = g_strdup (reading->entity);
  description->unit = g_strdup (reading->unit);
  description->time = reading->time;
  g_ptr_array_add (intake->descriptions, description);
}

static Sensor *
find_sensor (Intake *intake, const IpmidReading *reading)
{
  g_autofree char *key = g_strconcat (reading->bmc, "\n", reading->sensor_id, NULL);
  Sensor *sensor = g_hash_table_lookup (intake->sensors, key);
  guint words = hash_words (reading);

  if (sensor == NULL)
    {
      sensor = g_new0 (Sensor, 1);
      g_hash_table_insert (intake->sensors, g_steal_pointer (&key), sensor);
    }
  if (sensor->words != words)
    {
      sensor->words = words;
      describe (intake, sensor, reading);
    }
  return sensor;
}

static void
add (Intake *intake, const IpmidReading *reading)
{
  const Waiting waiting = { .sensor = find_sensor (intake, reading),
                            .time = reading->time,
                            .value = reading->available && reading->has_value ? reading->value : NAN,
                            .states = reading->available ? reading->states : 0,
                            .available = reading->available != FALSE,
                            .severity = (gint8) (reading->available ? reading->severity : IPMID_SEVERITY_OK) };

  g_array_append_val (intake->waiting, waiting);
}

/* The oldest tenth goes, so that this is not done for every reading. */
static void
make_room (Intake *intake)
{
  guint n = intake->waiting->len / 10;

  g_array_remove_range (intake->waiting, 0, n);
  intake->dropped += n;
}

void
intake_add (Intake *intake, const IpmidReadings *readings)
{
  for (guint i = 0; i < readings->n_readings; i++)
    {
      if (intake->waiting->len >= WAITING_MAX)
        make_room (intake);
      add (intake, readings->readings[i]);
    }
}

/* ---------------------------------------------------------- into the database */

static gboolean
write_description (Intake *intake, Description *description, GError **error)
{
  Sql *sql = intake->sqlite->database.sql;
  gint64 bmc = events_find_bmc (intake->sqlite, description->bmc, error);
  gint64 begin = span_begin (description->time, SPAN_HOUR);
  Sensor *sensor = description->sensor;

  if (bmc == 0)
    return FALSE;
  sqlite3_stmt *row = sql_start (sql, error, SENSOR_PUT, "ittttti", bmc, description->sensor_id, description->name,
                                 description->type, description->entity, description->unit, begin);
  gboolean good = row != NULL && sql_next (sql, row, error);
  if (good)
    {
      g_hash_table_remove (intake->by_id, &sensor->id); /* before the key changes */
      sensor->id = sqlite3_column_int64 (row, 0);
      sensor->minute_done = sqlite3_column_int64 (row, 1);
      g_hash_table_replace (intake->by_id, &sensor->id, sensor);
    }
  if (row != NULL)
    sql_finish (row);
  return good;
}

/* A clock was set back, or the reading came late: its minute is added up again. */
static gboolean
rewind_sensor (Intake *intake, Sensor *sensor, gint64 time, GError **error)
{
  gint64 minute = span_begin (time, SPAN_MINUTE);

  if (time >= sensor->minute_done)
    return TRUE;
  sensor->minute_done = minute;
  return sql_run (intake->sqlite->database.sql, error, SENSOR_REWIND, "iii", sensor->id, minute,
                  span_begin (time, SPAN_HOUR));
}

static gboolean
write_reading (Intake *intake, const Waiting *waiting, gint64 oldest, GError **error)
{
  /* Other readings of that minute may be gone already; or the row of its sensor. */
  if (waiting->time < oldest || waiting->sensor->id == 0)
    return TRUE;
  return rewind_sensor (intake, waiting->sensor, waiting->time, error)
         && sql_run (intake->sqlite->database.sql, error, READING_PUT, isnan (waiting->value) ? "iiiii" : "iiiiid",
                     waiting->sensor->id, waiting->time, (gint64) waiting->available, (gint64) waiting->severity,
                     (gint64) waiting->states, waiting->value);
}

static gboolean
write_all (Intake *intake, GError **error)
{
  gint64 keep = intake->sqlite->keep_raw;
  gint64 oldest = keep == 0 ? 0 : (g_get_real_time () - keep) * 1000;

  if (!database_begin (&intake->sqlite->database, FALSE, error))
    return FALSE;
  for (guint i = 0; i < intake->descriptions->len; i++)
    if (!write_description (intake, intake->descriptions->pdata[i], error))
      return FALSE;
  for (guint i = 0; i < intake->waiting->len; i++)
    if (!write_reading (intake, &g_array_index (intake->waiting, Waiting, i), oldest, error))
      return FALSE;
  return database_commit (&intake->sqlite->database, error);
}

/* Once when it begins to fail, once when it has ended. */
static void
note_outcome (Intake *intake, const GError *error)
{
  IpmidHost *host = intake->sqlite->host;

  if (error != NULL && !intake->failing)
    ipmid_host_log (host, IPMID_LOG_WARNING, NULL, "readings wait, and will be left out if it lasts: %s",
                    error->message);
  else if (error == NULL && intake->failing)
    ipmid_host_log (host, IPMID_LOG_NOTICE, NULL,
                    "readings are stored again; %" G_GUINT64_FORMAT " of them have been left out", intake->dropped);
  if (error == NULL)
    intake->dropped = 0;
  intake->failing = error != NULL;
}

/* A lock shows before anything is done, so what waits may go on waiting.  Otherwise
 * what was done is taken back, and what is known of rows is not true any more. */
static void
fail (Intake *intake, const GError *error)
{
  events_forget_bmcs (intake->sqlite);
  database_fail (&intake->sqlite->database, error);
  if (g_error_matches (error, SQL_ERROR, SQL_ERROR_BUSY))
    return;
  intake->dropped += intake->waiting->len;
  intake_reset (intake);
}

void
intake_finish (Intake *intake)
{
  intake->not_before = 0;
  intake_flush (intake, g_get_monotonic_time ());
}

gint64
intake_flush (Intake *intake, gint64 now)
{
  g_autoptr (GError) error = NULL;

  if (intake->waiting->len == 0)
    return G_MAXINT64;
  if (now < intake->not_before)
    return intake->not_before;
  intake->sqlite->database.patience = now + LOCK_PATIENCE;
  if (write_all (intake, &error))
    {
      g_array_set_size (intake->waiting, 0);
      g_ptr_array_set_size (intake->descriptions, 0);
      if (g_hash_table_size (intake->sensors) > SENSORS_MAX)
        intake_reset (intake);
    }
  else
    fail (intake, error);
  note_outcome (intake, error);
  intake->not_before = now + (error == NULL ? PAUSE : PAUSE_AFTER_FAILURE);
  return intake->waiting->len == 0 ? G_MAXINT64 : intake->not_before;
}

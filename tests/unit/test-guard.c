/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-guard.c - the reply guard and the watch over the SDRs, against scripted
 * replies: every guarded command, right lengths, shorter and longer ones.
 */
#include "collector/guard.h"
#include "collector/sdr-watch.h"

#include <string.h>

#define REPLY_MAX 300u

static gboolean
fits (guint8 netfn, guint8 command, const guint8 *request, gsize request_length, guint8 code, gsize length)
{
  guint8 reply[REPLY_MAX] = { code };

  if (length >= 2 && netfn == GUARD_NETFN_STORAGE && command == 0x11)
    reply[1] = (guint8) (length - 2);
  return guard_reply_fits (netfn, command, request, request_length, reply, length);
}

/* Of all lengths up to a large one, just these fit. */
static void
check_range (guint8 netfn, guint8 command, const guint8 *request, gsize request_length, gsize minimum, gsize maximum)
{
  for (gsize length = 0; length < REPLY_MAX; length++)
    {
      gboolean expected = length >= minimum && length <= maximum;

      if (fits (netfn, command, request, request_length, 0, length) != expected)
        g_error ("netfn %02x command %02x: a reply of %" G_GSIZE_FORMAT " bytes %s", netfn, command, length,
                 expected ? "is refused" : "fits");
    }
}

static void
test_table (void)
{
  guint8 netfn, command;
  gsize minimum, maximum;
  guint n;

  for (n = 0; guard_table_entry (n, &netfn, &command, &minimum, &maximum); n++)
    {
      g_assert_cmpuint (minimum, >=, 1);
      g_assert_cmpuint (minimum, <=, maximum);
      check_range (netfn, command, NULL, 0, minimum, maximum);
    }
  g_assert_cmpuint (n, >, 60);
}

/* What the table must say, from the specification rather than the table. */
static void
test_commands (void)
{
  static const struct
  {
    guint8 netfn, command;
    gsize minimum, maximum;
  } commands[] = {
    { 0x06, 0x01, 12, 16 }, { 0x06, 0x37, 17, 17 }, { 0x06, 0x38, 9, 9 }, { 0x06, 0x42, 10, 10 },
    { 0x0a, 0x20, 15, 15 }, { 0x0a, 0x22, 3, 3 },   { 0x0a, 0x10, 4, 4 }, { 0x0a, 0x40, 15, 15 },
    { 0x0a, 0x42, 3, 3 },   { 0x0a, 0x46, 3, 3 },   { 0x0a, 0x47, 2, 2 }, { 0x0a, 0x48, 5, 5 },
    { 0x04, 0x20, 3, 7 },   { 0x04, 0x22, 3, 3 },   { 0x04, 0x23, 8, 8 }, { 0x04, 0x25, 3, 3 },
    { 0x04, 0x27, 8, 8 },   { 0x04, 0x29, 2, 6 },   { 0x04, 0x2d, 3, 5 }, { 0x04, 0x01, 3, 3 },
    { 0x2c, 0x00, 5, 5 },
  };

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    check_range (commands[i].netfn, commands[i].command, NULL, 0, commands[i].minimum, commands[i].maximum);
}

static void
test_get_sdr (void)
{
  for (guint count = 1; count < 255; count++)
    {
      const guint8 request[] = { 0, 0, 0, 0, 0, (guint8) count };

      check_range (GUARD_NETFN_STORAGE, 0x23, request, sizeof request, 3 + count, 3 + count);
      check_range (GUARD_NETFN_SENSOR, 0x21, request, sizeof request, 3 + count, 3 + count);
    }
}

static void
test_get_sel_entry (void)
{
  const guint8 whole[] = { 0, 0, 0, 0, 0, 0xff };
  const guint8 part[] = { 0, 0, 0, 0, 4, 8 };
  const guint8 rest[] = { 0, 0, 0, 0, 10, 0xff };
  const guint8 beyond[] = { 0, 0, 0, 0, 200, 0xff };

  check_range (GUARD_NETFN_STORAGE, 0x43, whole, sizeof whole, 19, 19);
  check_range (GUARD_NETFN_STORAGE, 0x43, part, sizeof part, 11, 11);
  check_range (GUARD_NETFN_STORAGE, 0x43, rest, sizeof rest, 9, 9);
  check_range (GUARD_NETFN_STORAGE, 0x43, beyond, sizeof beyond, 3, 3);
}

static void
test_read_fru (void)
{
  const guint8 request[] = { 0, 0, 0, 16 };
  const guint8 liar[] = { 0, 16, 1, 2, 3 };

  check_range (GUARD_NETFN_STORAGE, 0x11, request, sizeof request, 2, 18);
  g_assert_false (guard_reply_fits (GUARD_NETFN_STORAGE, 0x11, request, sizeof request, liar, sizeof liar));
}

static void
test_errors (void)
{
  /* An error is an error at any length; nothing at all is not. */
  for (gsize length = 1; length < REPLY_MAX; length++)
    g_assert_true (fits (GUARD_NETFN_STORAGE, 0x40, NULL, 0, 0xc1, length));
  g_assert_false (fits (GUARD_NETFN_STORAGE, 0x40, NULL, 0, 0xc1, 0));
  g_assert_true (fits (0x30, 0x77, NULL, 0, 0, 200));
  g_assert_false (fits (0x30, 0x77, NULL, 0, 0, 0));
}

/* --------------------------------------------------------------- the watch */

typedef struct
{
  SdrWatch *watch;
  guint8 header[5];
  guint8 body[255];
  gboolean changed; /* some reply became "read again" */
} Reader;

static gboolean
pass_chunk (Reader *reader, guint8 offset, guint8 *bytes, guint8 count)
{
  const guint8 request[] = { 0, 0, 7, 0, offset, count };
  guint8 reply[REPLY_MAX] = { 0, 8, 0 };

  memcpy (reply + 3, bytes, count);
  sdr_watch_reply (reader->watch, GUARD_NETFN_STORAGE, 0x23, request, sizeof request, reply, 3u + count);
  if (reply[0] != 0)
    {
      g_assert_cmphex (reply[0], ==, 0x80);
      reader->changed = TRUE;
      return FALSE;
    }
  memcpy (bytes, reply + 3, count);
  return TRUE;
}

/* As the library reads a record: its header, then the body by sixteen. */
static void
pass_record (Reader *reader, guint8 type, guint8 length)
{
  const guint8 header[] = { 7, 0, 0x51, type, length };

  memcpy (reader->header, header, sizeof header);
  reader->changed = FALSE;
  pass_chunk (reader, 0, reader->header, 5);
  for (guint start = 0; start < length && start < 240; start += 16)
    pass_chunk (reader, (guint8) (5 + start), reader->body + start, (guint8) MIN (16, length - start));
}

static void
reader_init (Reader *reader)
{
  memset (reader, 0, sizeof *reader);
  reader->watch = sdr_watch_new ();
}

static void
test_record_lengths (void)
{
  static const guint8 least[]
      = { [1] = 43, [2] = 27, [3] = 12, [8] = 11, [9] = 27, [0x10] = 11, [0x11] = 11, [0x12] = 11, [0x14] = 11 };
  Reader reader;

  reader_init (&reader);
  for (guint type = 1; type < G_N_ELEMENTS (least); type++)
    for (guint length = 0; length < 255 && least[type] != 0; length++)
      {
        memset (reader.body, 0, sizeof reader.body);
        pass_record (&reader, (guint8) type, (guint8) length);
        if (length < least[type])
          g_assert_cmphex (reader.header[3], ==, 0xc0);
        else if (type > 3)
          g_assert_cmphex (reader.header[3], ==, type);
      }
  sdr_watch_free (reader.watch);
}

static void
test_sharing (void)
{
  Reader reader;

  reader_init (&reader);
  for (guint number = 0; number < 256; number++)
    {
      guint room = 256 - number;

      memset (reader.body, 0, sizeof reader.body);
      reader.body[2] = (guint8) number;
      reader.body[18] = 0x1f;
      pass_record (&reader, 0x02, 40);
      g_assert_false (reader.changed);
      if (reader.header[3] == 0x02)
        {
          g_assert_cmpuint (reader.body[18] & 0xf, <=, room);
          g_assert_cmphex (reader.body[18] & 0xf0, ==, 0x10);
        }
    }
  sdr_watch_free (reader.watch);
}

static void
test_budget (void)
{
  Reader reader;
  guint sensors = 0;

  reader_init (&reader);
  for (guint i = 0; i < 5000; i++)
    {
      memset (reader.body, 0, sizeof reader.body);
      reader.body[18] = 0x0f;
      pass_record (&reader, 0x02, 40);
      if (reader.header[3] == 0x02)
        sensors += MAX (reader.body[18] & 0xf, 1);
    }
  g_assert_cmpuint (sensors, >=, SDR_WATCH_SENSORS_MAX - 16);
  g_assert_cmpuint (sensors, <=, SDR_WATCH_SENSORS_MAX + 1);
  sdr_watch_free (reader.watch);
}

static void
test_out_of_order (void)
{
  Reader reader;
  guint8 header[] = { 7, 0, 0x51, 0x02, 40 };
  guint8 chunk[16] = { [2] = 0xff };

  reader_init (&reader);
  pass_chunk (&reader, 0, header, 5);
  g_assert_false (pass_chunk (&reader, 21, chunk, 16));
  g_assert_true (pass_chunk (&reader, 5, chunk, 16));
  chunk[2] = 0x0f;
  g_assert_true (pass_chunk (&reader, 21, chunk, 16));
  g_assert_cmpuint (chunk[2], ==, 1);
  /* A chunk of a record whose header was never seen. */
  const guint8 request[] = { 0, 0, 99, 0, 21, 16 };
  guint8 reply[19] = { 0 };
  sdr_watch_reply (reader.watch, GUARD_NETFN_STORAGE, 0x23, request, sizeof request, reply, sizeof reply);
  g_assert_cmphex (reply[0], ==, 0x80);
  sdr_watch_free (reader.watch);
}

static void
test_names (void)
{
  static const guint8 body[] = { 0x20, 0x00, 0x21, 34, 1, 0x0f, 0x6f, 1, 0, 0, 0, 0xc4, 'P', 'O', 'S', 'T' };
  static const guint8 shared[] = { 0x30, 0x12, 0x40, 34, 1, 0x0f, 0x6f, 0x13, 0x03, 0, 0, 0xc3, 'P', 'S', 'U' };
  Reader reader;

  reader_init (&reader);
  memcpy (reader.body, body, sizeof body);
  pass_record (&reader, 0x03, sizeof body);
  g_assert_cmpstr (sdr_watch_name (reader.watch, 0x20, 0, 0, 0x21), ==, "POST");
  g_assert_null (sdr_watch_name (reader.watch, 0x20, 0, 0, 0x22));
  memcpy (reader.body, shared, sizeof shared);
  pass_record (&reader, 0x03, sizeof shared);
  g_assert_cmpstr (sdr_watch_name (reader.watch, 0x30, 1, 2, 0x40), ==, "PSUD");
  g_assert_cmpstr (sdr_watch_name (reader.watch, 0x30, 1, 2, 0x42), ==, "PSUF");
  g_assert_null (sdr_watch_name (reader.watch, 0x30, 1, 2, 0x43));
  sdr_watch_free (reader.watch);
}

static void
test_repository_size (void)
{
  g_autoptr (SdrWatch) watch = sdr_watch_new ();
  guint8 reply[15] = { 0, 0x51, 0xff, 0xff };

  sdr_watch_reply (watch, GUARD_NETFN_STORAGE, 0x20, NULL, 0, reply, sizeof reply);
  g_assert_cmpuint (reply[2] | reply[3] << 8, ==, SDR_WATCH_RECORDS_MAX);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/guard/table", test_table);
  g_test_add_func ("/guard/commands", test_commands);
  g_test_add_func ("/guard/get-sdr", test_get_sdr);
  g_test_add_func ("/guard/get-sel-entry", test_get_sel_entry);
  g_test_add_func ("/guard/read-fru", test_read_fru);
  g_test_add_func ("/guard/errors", test_errors);
  g_test_add_func ("/sdr-watch/lengths", test_record_lengths);
  g_test_add_func ("/sdr-watch/sharing", test_sharing);
  g_test_add_func ("/sdr-watch/budget", test_budget);
  g_test_add_func ("/sdr-watch/out-of-order", test_out_of_order);
  g_test_add_func ("/sdr-watch/names", test_names);
  g_test_add_func ("/sdr-watch/repository-size", test_repository_size);
  return g_test_run ();
}

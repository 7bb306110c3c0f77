/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * asker.c - a handler that asks the core what a test writes into a FIFO.
 *
 * A line of `questions` is "<tag> <method> <arguments>", the arguments as the text
 * of an a{sv}; the answer is a line of JSON in `replies`: the tag, and "reply" or
 * "code" and "message".  The handler itself does as `verdict` says.
 */
#include <ipmid/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct
{
  char *questions, *replies;
  int verdict; /* as in `verdicts` */

  IpmidHost *host;
  int questions_fd, replies_fd;
  GString *line;
  gint open; /* atomic: questions that are not answered */
} Asker;

typedef struct
{
  Asker *asker;
  char *tag;
} Question;

static const char *const verdicts[] = { "done", "reject", "retry", NULL };

#define OPTION(member) G_STRUCT_OFFSET (Asker, member)

static const IpmidOption options[] = {
  { "questions", IPMID_OPTION_PATH, OPTION (questions), NULL, TRUE, 0, 0, NULL, "PATH", "A FIFO." },
  { "replies", IPMID_OPTION_PATH, OPTION (replies), NULL, TRUE, 0, 0, NULL, "PATH", "A file." },
  { "verdict", IPMID_OPTION_CHOICE, OPTION (verdict), "done", FALSE, 0, 0, verdicts, "VERDICT", "What to answer." },
  { .key = NULL },
};

/* ----------------------------------------------------------------------- JSON */

static void
write_text (const char *text, GString *out)
{
  g_string_append_c (out, '"');
  for (; *text != '\0'; text++)
    if (*text == '"' || *text == '\\')
      g_string_append_printf (out, "\\%c", *text);
    else if ((guchar) *text < ' ')
      g_string_append_printf (out, "\\u%04x", (guint) *text);
    else
      g_string_append_c (out, *text);
  g_string_append_c (out, '"');
}

static void write_json (GVariant *value, GString *out);

static void
write_container (GVariant *value, GString *out)
{
  gboolean dict = g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT);

  g_string_append_c (out, dict ? '{' : '[');
  for (gsize i = 0; i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
      if (i > 0)
        g_string_append_c (out, ',');
      if (dict)
        {
          g_autoptr (GVariant) key = g_variant_get_child_value (child, 0);
          g_autoptr (GVariant) inner = g_variant_get_child_value (child, 1);
          write_text (g_variant_get_string (key, NULL), out);
          g_string_append_c (out, ':');
          write_json (inner, out);
        }
      else
        write_json (child, out);
    }
  g_string_append_c (out, dict ? '}' : ']');
}

static void
write_json (GVariant *value, GString *out)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARIANT))
    {
      g_autoptr (GVariant) inner = g_variant_get_variant (value);
      write_json (inner, out);
    }
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    write_text (g_variant_get_string (value, NULL), out);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN))
    g_string_append (out, g_variant_get_boolean (value) ? "true" : "false");
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    g_string_append_printf (out, "%" G_GINT64_FORMAT, g_variant_get_int64 (value));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    g_string_append (out, g_ascii_dtostr (number, sizeof number, g_variant_get_double (value)));
  else
    write_container (value, out); /* nothing else is promised */
}

/* ------------------------------------------------------------------ questions */

/* Any thread of the host; one write(), so that lines do not mix. */
static void
on_reply (gpointer user_data, GVariant *reply, const GError *error)
{
  Question *question = user_data;
  Asker *asker = question->asker;
  g_autoptr (GString) out = g_string_new ("{\"tag\":");

  write_text (question->tag, out);
  if (reply != NULL)
    {
      g_string_append (out, ",\"reply\":");
      write_json (reply, out);
    }
  else
    {
      g_assert (error->domain == IPMID_REQUEST_ERROR);
      g_string_append_printf (out, ",\"code\":%d,\"message\":", error->code);
      write_text (error->message, out);
    }
  g_string_append (out, "}\n");
  if (write (asker->replies_fd, out->str, out->len) < 0)
    g_error ("cannot write %s", asker->replies);
  g_atomic_int_add (&asker->open, -1);
  g_free (question->tag);
  g_free (question);
}

static void
ask (Asker *asker, const char *line)
{
  g_auto (GStrv) words = g_strsplit (line, " ", 3);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) arguments
      = g_variant_parse (G_VARIANT_TYPE_VARDICT, words[2] == NULL ? "{}" : words[2], NULL, NULL, &error);
  Question *question = g_new (Question, 1);

  if (arguments == NULL)
    g_error ("%s: %s", line, error->message);
  *question = (Question){ asker, g_strdup (words[0]) };
  g_atomic_int_inc (&asker->open);
  ipmid_host_request (asker->host, words[1], arguments, on_reply, question);
}

static void
asker_idle (gpointer state, IpmidIdle *idle)
{
  Asker *asker = state;
  char buffer[4096], *end;
  ssize_t n;

  while ((n = read (asker->questions_fd, buffer, sizeof buffer)) > 0)
    g_string_append_len (asker->line, buffer, n);
  while ((end = strchr (asker->line->str, '\n')) != NULL)
    {
      g_autofree char *line = g_strndup (asker->line->str, (gsize) (end - asker->line->str));
      g_string_erase (asker->line, 0, end - asker->line->str + 1);
      ask (asker, line);
    }
  idle->fd = asker->questions_fd;
}

/* ----------------------------------------------------------------- the handler */

static gboolean
asker_open (gpointer state, IpmidHost *host, GError **error)
{
  Asker *asker = state;

  asker->host = host;
  /* For writing, too: so it never comes to its end. */
  asker->questions_fd = open (asker->questions, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  asker->replies_fd = open (asker->replies, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (asker->questions_fd < 0 || asker->replies_fd < 0)
    {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "%s", g_strerror (errno));
      return FALSE;
    }
  asker->line = g_string_new (NULL);
  return TRUE;
}

static void
asker_deliver (gpointer state, const IpmidBatch *batch, IpmidVerdict *answers)
{
  static const IpmidVerdict values[] = { IPMID_VERDICT_DONE, IPMID_VERDICT_REJECT, IPMID_VERDICT_RETRY };
  const Asker *asker = state;

  for (guint i = 0; i < batch->n_events; i++)
    {
      ipmid_host_reason (asker->host, batch->tokens[i], "told\tto fail");
      answers[i] = values[asker->verdict];
    }
}

static void
asker_close (gpointer state)
{
  Asker *asker = state;

  g_assert (g_atomic_int_get (&asker->open) == 0);
  close (asker->questions_fd);
  close (asker->replies_fd);
  g_string_free (asker->line, TRUE);
}

const IpmidPlugin ipmid_plugin = { .abi_major = IPMID_PLUGIN_ABI_MAJOR,
                                   .abi_minor = IPMID_PLUGIN_ABI_MINOR,
                                   .size = sizeof (IpmidPlugin),
                                   .name = "asker",
                                   .version = "1",
                                   .summary = "Asks the core",
                                   .state_size = sizeof (Asker),
                                   .options = options,
                                   .open = asker_open,
                                   .deliver = asker_deliver,
                                   .idle = asker_idle,
                                   .close = asker_close };

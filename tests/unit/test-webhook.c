/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test-webhook.c - what the webhook handler says, in which order, and what it keeps to itself. */
#include "plugin-bench-host.h"

#include "../../plugins/net/networks.h"
#include "../../plugins/net/secret.h"
#include "../../plugins/net/words.h"
#include "../../plugins/webhook/webhook.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <string.h>

static IpmidEvent *
make_event (gboolean assertion, const char *text)
{
  IpmidEvent *event = bench_event ("node1", 7);
  IpmidEvent *copy = event_copy (event);

  event_set_string (copy, IPMID_FIELD_TEXT, text);
  event_set_string (copy, IPMID_FIELD_STATE, "upper critical");
  event_set_integer (copy, IPMID_FIELD_ASSERT, assertion);
  event_set_integer (copy, IPMID_FIELD_SEVERITY, assertion ? IPMID_SEVERITY_WARNING : IPMID_SEVERITY_OK);
  event_set_integer (copy, IPMID_FIELD_RECEIVED, G_GINT64_CONSTANT (1750000000123456000));
  event_unref (event);
  return copy;
}

static json_t *
parse (const char *text)
{
  json_error_t error;
  json_t *value = json_loads (text, JSON_REJECT_DUPLICATES, &error);

  if (value == NULL)
    g_error ("%s: %s", error.text, text);
  return value;
}

/* ------------------------------------------------------------------- templates */

static void
test_fields (void)
{
  for (int i = 0; i < IPMID_N_FIELDS; i++)
    {
      const EventField *field = event_field ((IpmidField) i);
      gboolean bare
          = field->type == EVENT_TYPE_INTEGER || field->type == EVENT_TYPE_BOOLEAN || field->type == EVENT_TYPE_DOUBLE;

      g_assert_cmpstr (template_field_name ((IpmidField) i), ==, field->name);
      g_assert_cmpint (template_field_is_bare ((IpmidField) i), ==, bare);
    }
}

static void
test_hostile_text (void)
{
  static const char text[] = "\"},{\\ {{bmc}} &amp; <b>\xc2\xb0\xc3\xbc%00+\xe2\x82\xac";
  g_autoptr (BenchHost) bench = bench_host_new ("webhook");
  g_autoptr (Template) template
      = template_parse ("{\"a\":\"x{{text}}y\",\"b\":{{ text | json }},\"u\":\"{{text|url}}\","
                        "\"v\":{{value|json}},\"n\":{{lost|json}},\"t\":{{assert|json}},"
                        "\"e\":{{event}},\"s\":\"{{secret}}\"}",
                        NULL);
  g_autoptr (IpmidEvent) event = make_event (TRUE, text);
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *expected = g_strconcat ("x", text, "y", NULL);
  const char *url;

  g_assert_true (template_check_json (template, NULL));
  template_render (template, &bench->host, event, "s\"3", out);
  json_t *value = parse (out->str);
  g_assert_cmpstr (json_string_value (json_object_get (value, "a")), ==, expected);
  g_assert_cmpstr (json_string_value (json_object_get (value, "b")), ==, text);
  g_assert_cmpstr (json_string_value (json_object_get (value, "s")), ==, "s\"3");
  g_assert_true (json_is_number (json_object_get (value, "v")));
  g_assert_true (json_is_null (json_object_get (value, "n")));
  g_assert_true (json_is_true (json_object_get (value, "t")));
  g_assert_cmpstr (json_string_value (json_object_get (json_object_get (value, "e"), "text")), ==, text);
  url = json_string_value (json_object_get (value, "u"));
  g_autofree char *decoded = g_uri_unescape_string (url, NULL);
  g_assert_null (strpbrk (url, " &<>\"{}+"));
  /* Its "%00" came through as text. */
  g_assert_cmpstr (decoded, ==, text);
  json_decref (value);
}

static void
test_bad_templates (void)
{
  static const struct
  {
    const char *text, *says;
  } cases[] = {
    { "{\n{{nosuch}}}", "line 2: {{nosuch}}: an event has no such thing" },
    { "{{bmc|xml}}", "after the '|' stands json or url" },
    { "{{bmc", "no }}" },
    { "\n\n{{bmc\n}}", "line 3" },
    { "{{}}", "no such thing" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (template_parse (cases[i].text, &error));
      g_assert_nonnull (strstr (error->message, cases[i].says));
    }
  g_autoptr (GError) error = NULL;
  g_autoptr (Template) template = template_parse ("{\n\"TOKENCANARY\": {{bmc}},,}", NULL);
  g_assert_false (template_check_json (template, &error));
  g_assert_nonnull (strstr (error->message, "line 2"));
  g_assert_null (strstr (error->message, "CANARY"));
}

/* Whatever stands in the wrong place, or may be missing there, would break what is sent, or let a BMC
 * write into it. */
static void
test_places (void)
{
  static const struct
  {
    const char *text;
    gboolean good;
  } cases[] = {
    { "{\"a\":\"{{text}}\"}", TRUE },
    { "{\"a\":{{text}}}", FALSE },
    { "{\"a\":{{text|json}}}", TRUE },
    { "{\"a\":\"{{text|json}}\"}", FALSE },
    { "{\"a\":\"{{text|url}}\"}", TRUE },
    { "{\"a\":{{text|url}}}", FALSE },
    { "{\"a\":\"{{value}}\"}", TRUE },
    { "{\"a\":{{value}}}", FALSE },
    { "{\"a\":{{value|json}}}", TRUE },
    { "{\"a\":\"{{value|json}}\"}", TRUE },
    { "{\"a\":{{event}}}", TRUE },
    { "{\"a\":\"{{event}}\"}", FALSE },
    { "{\"a\":{{event|json}}}", TRUE },
    { "{\"a\":\"{{event|json}}\"}", FALSE },
    { "{\"a\":\"{{event|url}}\"}", TRUE },
    { "{\"a\":{{event|url}}}", FALSE },
    { "{\"a\":\"\\{{text}}\"}", FALSE },
    { "{\"a\":1{{value|json}}}", FALSE },
    { "{{event}}", TRUE },
    { "{{text}}", FALSE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (Template) template = template_parse (cases[i].text, &error);

      g_assert_no_error (error);
      if (template_check_json (template, &error) != cases[i].good)
        g_error ("%s: %s", cases[i].text, error != NULL ? error->message : "passes");
    }
}

/* The samples that are installed. */
static void
test_samples (void)
{
  static const char *const names[] = { "pagerduty", "teams", "telegram" };
  g_autoptr (BenchHost) bench = bench_host_new ("webhook");
  g_autoptr (IpmidEvent) event = make_event (FALSE, "\"quoted\"");

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path
          = g_strdup_printf ("%s/conf/templates/%s.json", g_getenv ("IPMID_TEST_SOURCE_DIR"), names[i]);
      g_autofree char *text = NULL;
      g_autoptr (GString) out = g_string_new (NULL);
      g_autoptr (GError) error = NULL;

      g_assert_true (g_file_get_contents (path, &text, NULL, &error));
      g_autoptr (Template) template = template_parse (text, &error);
      g_assert_no_error (error);
      g_assert_true (template_check_json (template, &error));
      template_render (template, &bench->host, event, "key", out);
      json_decref (parse (out->str));
    }
}

/* ----------------------------------------------------------------------- bodies */

static void
test_slack (void)
{
  const BodyOptions options = { .kind = BODY_SLACK };
  g_autoptr (BenchHost) bench = bench_host_new ("webhook");
  g_autoptr (IpmidEvent) event = make_event (TRUE, "<!channel> & \"x\"");
  IpmidEvent *const events[] = { event, event };
  g_autofree char *body = body_make (&options, &bench->host, events, 2);
  json_t *value = parse (body);

  g_assert_cmpstr (json_string_value (json_object_get (value, "text")), ==,
                   "*warning* node1: &lt;!channel&gt; &amp; \"x\"\n*warning* node1: &lt;!channel&gt; &amp; \"x\"");
  json_decref (value);
}

/* The end of a state has the very labels of its beginning, and has passed. */
static void
test_alertmanager (void)
{
  const char *const labels[] = { "site=north", NULL };
  const BodyOptions options = { .kind = BODY_ALERTMANAGER, .labels = labels, .lifetime = G_TIME_SPAN_DAY };
  g_autoptr (BenchHost) bench = bench_host_new ("webhook");
  g_autoptr (IpmidEvent) begins = make_event (TRUE, "hot"), ends = make_event (FALSE, "well");
  IpmidEvent *const events[] = { begins, ends };
  g_autofree char *body = body_make (&options, &bench->host, events, 2);
  json_t *alerts = parse (body);
  json_t *first = json_array_get (alerts, 0);
  guint same = 0;

  g_assert_cmpuint (json_array_size (alerts), ==, 4);
  g_assert_cmpstr (json_string_value (json_object_get (json_object_get (first, "labels"), "site")), ==, "north");
  g_assert_cmpstr (json_string_value (json_object_get (json_object_get (first, "labels"), "severity")), ==, "warning");
  g_assert_cmpstr (json_string_value (json_object_get (first, "startsAt")), ==, "2025-06-15T15:06:40.123456Z");
  g_assert_cmpstr (json_string_value (json_object_get (first, "endsAt")), ==, "2025-06-16T15:06:40.123456Z");
  for (gsize i = 1; i < json_array_size (alerts); i++)
    {
      json_t *alert = json_array_get (alerts, i);

      same += json_equal (json_object_get (alert, "labels"), json_object_get (first, "labels")) != 0;
      g_assert_null (json_object_get (alert, "startsAt"));
      g_assert_cmpstr (json_string_value (json_object_get (alert, "endsAt")), ==, "2025-06-15T15:06:40.123456Z");
    }
  g_assert_cmpuint (same, ==, 1);
  json_decref (alerts);
}

static void
test_key (void)
{
  g_autoptr (BenchHost) bench = bench_host_new ("webhook");
  g_autoptr (IpmidEvent) begins = make_event (TRUE, "hot"), ends = make_event (FALSE, "well");
  g_autofree char *one = words_key (&bench->host, begins), *other = words_key (&bench->host, ends);

  g_assert_cmpstr (one, ==, other);
}

/* The example of the specification of Standard Webhooks. */
static void
test_signature (void)
{
  gsize length;
  g_autofree guint8 *key = g_base64_decode ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &length);
  g_autofree char *signature
      = request_sign (key, length, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}");

  g_assert_cmpstr (signature, ==, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/* -------------------------------------------------------------------- the order */

/* Every event stands in one chain, in its place, and no BMC in two chains. */
static void
check_chains (BenchHost *bench, IpmidEvent *const *events, const guint64 *tokens, guint n, guint per_request)
{
  const IpmidBatch batch = { .size = sizeof batch, .n_events = n, .events = events, .tokens = tokens };
  g_autoptr (GPtrArray) chains = batch_cut (&bench->host, &batch, per_request);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  guint64 next = 0;

  for (guint i = 0; i < chains->len; i++)
    {
      Chain *chain = chains->pdata[i];
      g_autoptr (GHashTable) own = g_hash_table_new (g_str_hash, g_str_equal);

      for (guint j = 0; j < chain->events->len; j++)
        {
          const char *bmc = event_string (chain->events->pdata[j], IPMID_FIELD_BMC);

          g_assert_cmpuint (g_array_index (chain->tokens, guint64, j), ==, next++);
          g_assert_false (g_hash_table_contains (seen, bmc));
          g_hash_table_add (own, (gpointer) bmc);
        }
      g_assert_cmpuint (batch_next (chain, per_request), ==, MIN (per_request, chain->events->len));
      for (guint j = 0; j < chain->events->len; j++)
        g_hash_table_add (seen, (gpointer) event_string (chain->events->pdata[j], IPMID_FIELD_BMC));
      batch_free_chain (&bench->host, chain);
    }
  g_assert_cmpuint (next, ==, n);
}

/* All batches of up to 4 events of each of 3 BMCs, cut in every way. */
static void
test_chains (void)
{
  g_autoptr (BenchHost) bench = bench_host_new ("webhook");
  static const char *const names[] = { "a", "b", "c" };

  for (guint sizes = 0; sizes < 5 * 5 * 5; sizes++)
    {
      const guint counts[] = { sizes % 5, sizes / 5 % 5, sizes / 25 };
      IpmidEvent *events[12];
      guint64 tokens[12];
      guint n = 0;

      for (guint bmc = 0; bmc < G_N_ELEMENTS (names); bmc++)
        for (guint i = 0; i < counts[bmc]; i++, n++)
          {
            tokens[n] = n;
            events[n] = bench_event (names[bmc], i + 1);
          }
      for (guint per_request = 1; per_request <= 13; per_request++)
        check_chains (bench, events, tokens, n, per_request);
      for (guint i = 0; i < n; i++)
        event_unref (events[i]);
    }
}

/* -------------------------------------------------------------- what is not shown */

static void
assert_excerpt (const char *text, gsize maximum, const char *expected)
{
  g_autoptr (GPtrArray) hidden = g_ptr_array_new ();
  g_ptr_array_add (hidden, (gpointer) "TOKEN");
  g_ptr_array_add (hidden, (gpointer) "abc"); /* too short to be one */
  g_autofree char *excerpt = secret_excerpt (text, strlen (text), maximum, hidden);

  g_assert_cmpstr (excerpt, ==, expected);
}

static void
test_excerpt (void)
{
  assert_excerpt ("", 100, "");
  assert_excerpt (" a\r\n\t b\x1b[0m\x7f ", 100, "a b [0m");
  assert_excerpt ("xTOKENyTOKEN abc", 100, "x[hidden]y[hidden] abc");
  assert_excerpt ("\xff"
                  "a",
                  100,
                  "\xef\xbf\xbd"
                  "a");
  assert_excerpt ("0123456789", 10, "0123456789");
  assert_excerpt ("0123456789a", 10, "0123456…");
  assert_excerpt ("01234\xc3\xbc\xc3\xbc\xc3\xbc", 10, "01234\xc3\xbc…");
  assert_excerpt ("\xe2\x80\xae"
                  "right to left",
                  100, "right to left");
}

static gboolean
is_denied (const GPtrArray *networks, const char *text)
{
  struct sockaddr_in v4 = { .sin_family = AF_INET };
  struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

  if (inet_pton (AF_INET, text, &v4.sin_addr) == 1)
    return networks_contain (networks, (const struct sockaddr *) (const void *) &v4);
  g_assert_cmpint (inet_pton (AF_INET6, text, &v6.sin6_addr), ==, 1);
  return networks_contain (networks, (const struct sockaddr *) (const void *) &v6);
}

static void
test_networks (void)
{
  const char *const words[] = { "10.0.0.0/8", "169.254.169.254", "fe80::/10", NULL };
  const char *const bad[] = { "10.0.0.0/33", NULL };
  g_autoptr (GPtrArray) networks = networks_parse (words, NULL), none = networks_parse (NULL, NULL);

  g_assert_null (networks_parse (bad, NULL));
  g_assert_true (is_denied (networks, "10.255.0.1") && is_denied (networks, "169.254.169.254")
                 && is_denied (networks, "fe80::1") && is_denied (networks, "::ffff:10.1.2.3"));
  g_assert_false (is_denied (networks, "11.0.0.1") || is_denied (networks, "169.254.169.253")
                  || is_denied (networks, "::1") || is_denied (networks, "::10.1.2.3"));
  g_assert_false (is_denied (none, "10.0.0.1") || is_denied (NULL, "10.0.0.1"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/webhook/fields", test_fields);
  g_test_add_func ("/webhook/hostile-text", test_hostile_text);
  g_test_add_func ("/webhook/bad-templates", test_bad_templates);
  g_test_add_func ("/webhook/places", test_places);
  g_test_add_func ("/webhook/samples", test_samples);
  g_test_add_func ("/webhook/slack", test_slack);
  g_test_add_func ("/webhook/alertmanager", test_alertmanager);
  g_test_add_func ("/webhook/key", test_key);
  g_test_add_func ("/webhook/signature", test_signature);
  g_test_add_func ("/webhook/chains", test_chains);
  g_test_add_func ("/webhook/excerpt", test_excerpt);
  g_test_add_func ("/webhook/networks", test_networks);
  return g_test_run ();
}

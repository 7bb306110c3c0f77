/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-import.c - libFuzzer: a server list of IPMI Monitor. */
#include "import-private.h"

#include "core/ini.h"
#include "core/options.h"

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

static void
on_mistake (guint line, const char *message, G_GNUC_UNUSED gpointer user_data)
{
  g_error ("line %u of what was printed: %s", line, message);
}

/* What comes out has nothing in it but what we put there. */
static void
check (const char *text, guint groups)
{
  g_autoptr (Ini) ini = ini_parse ("f", text, strlen (text), on_mistake, NULL);

  g_assert (ini->groups->len == groups);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autofree char *copy = g_malloc (size + 1), *text = NULL;
  g_autoptr (ImportList) list = NULL;
  char *secrets = NULL;

  if (size > 0)
    memcpy (copy, data, size);
  copy[size] = '\0'; /* as g_file_get_contents() has it */
  list = import_parse (copy, size);
  text = import_render (list, "list", "/secrets", &secrets);
  check (text, 2 + list->servers->len);
  if (secrets != NULL)
    {
      g_autoptr (Ini) ini = ini_parse ("s", secrets, strlen (secrets), on_mistake, NULL);

      for (guint i = 0; i < ini->groups->len; i++)
        g_assert (g_str_has_prefix (((IniGroup *) ini->groups->pdata[i])->name, "credentials "));
    }
  options_free_secret (secrets);
  return 0;
}

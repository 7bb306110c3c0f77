/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-cmdline.c - libFuzzer: the command line, its words separated by NUL bytes. */
#include "cmdline.h"
#include "core/log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* What was accepted can be configured, twice, and described. */
static void
use (const Cmdline *cmdline)
{
  g_autofree char *words = NULL;

  if (cmdline->connection == NULL || (cmdline->program == NULL && cmdline->outfile == NULL))
    return;
  words = connection_describe (cmdline->connection);
  for (int i = 0; i < 2; i++)
    core_config_unref (cmdline_to_config (cmdline));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *line = g_malloc (size + 1);
  g_autoptr (Cmdline) cmdline = NULL;
  g_autoptr (GError) error = NULL;
  char *argv[WORDS_MAX + 2] = { (char[]){ "ipmid" } };
  int argc = 1;

  log_init (LOG_TARGET_STDERR, IPMID_LOG_ERROR);
  if (size > 0)
    memcpy (line, data, size);
  line[size] = '\0';
  for (size_t at = 0; at < size && argc <= WORDS_MAX; at += strlen (line + at) + 1)
    argv[argc++] = line + at;
  cmdline = cmdline_parse (argc, argv, &error);
  if ((cmdline == NULL) != (error != NULL))
    abort ();
  if (cmdline != NULL)
    use (cmdline);
  return 0;
}

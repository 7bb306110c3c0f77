/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmdline-private.h - what the files behind cmdline.h share. */
#ifndef CMDLINE_PRIVATE_H
#define CMDLINE_PRIVATE_H

#include "cmdline.h"

extern const IpmidOption cmdline_options[];

/* The choices of --format. */
extern const char *const cmdline_formats[];

/* Whether the user wants to know something rather than a daemon. */
gboolean cmdline_is_question (const Cmdline *cmdline);

/* Whether it belongs to -c or --import, in whichever order the options stand. */
gboolean cmdline_is_for_config (const Cmdline *cmdline);

/* Whether the options go together, in openipmi_eventd's style … */
gboolean cmdline_check_domain (const Cmdline *cmdline, GError **error);

/* … and with -c or --import; `word` is the first one that is no option, or NULL. */
gboolean cmdline_check_config (const Cmdline *cmdline, const char *word, GError **error);

#endif

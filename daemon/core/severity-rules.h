/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * severity-rules.h - severities that the user has set, in place of ipmid's own.
 *
 *   TYPE:PATTERN[:offset-N][:assert|:deassert]=SEVERITY
 *
 * TYPE is a sensor type (IPMI 2.0, table 42-3), or "*" for all; PATTERN is
 * matched with the sensor's name (event/pattern.h); N is the state's
 * number (event data 1 [3:0]); SEVERITY is ok, info, warning or critical.  The
 * first rule that matches counts.  Immutable and reference-counted; any thread.
 */
#ifndef SEVERITY_RULES_H
#define SEVERITY_RULES_H

#include "event/event.h"

typedef struct _SeverityRules SeverityRules;

/* `rules` ends with NULL; NULL itself is no rules.  Blanks around a rule do not
 * count.  On failure NULL, and the error names the rule, what is wrong in it and
 * what comes near. */
SeverityRules *severity_rules_parse (const char *const *rules, GError **error);
SeverityRules *severity_rules_ref (SeverityRules *rules); /* `rules` may be NULL */
void severity_rules_unref (SeverityRules *rules);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SeverityRules, severity_rules_unref)

/* Sets the severity of an event that is not shared yet, if a rule matches.  Only
 * events of sensors are touched.  `rules` may be NULL. */
void severity_rules_apply (const SeverityRules *rules, IpmidEvent *event);

/* Sets the severities of the `n` states of a sensor while they hold: that of the
 * event which begins each, whose offset `offsets` has (tables 42-2 and 42-3).
 * `type` is spec_sensor_type()'s; what no rule matches stays.  `rules` may be
 * NULL. */
void severity_rules_apply_states (const SeverityRules *rules, const char *type, const char *sensor, guint n,
                                  const guint8 *offsets, guint8 *severities);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sink.c - the smallest program that events can be handed to, for the bench.
 *
 *   sink FILE           appends its standard input to FILE, as one line
 *   sink FILE WORD...   appends the words to FILE, as one line
 *
 * The same program serves both daemons.  One line is one write with O_APPEND;
 * newlines in the input, and the gaps between the words, become tabs.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char line[64 * 1024];

static size_t
read_input (void)
{
  size_t length = 0;
  ssize_t n;

  while (length < sizeof line - 1 && (n = read (STDIN_FILENO, line + length, sizeof line - 1 - length)) > 0)
    length += (size_t) n;
  for (size_t i = 0; i < length; i++)
    if (line[i] == '\n')
      line[i] = '\t';
  return length;
}

static size_t
join (int argc, char **argv)
{
  size_t length = 0;

  for (int i = 0; i < argc; i++)
    {
      size_t size = strlen (argv[i]);
      if (length + size + 2 > sizeof line)
        break;
      memcpy (line + length, argv[i], size);
      length += size;
      line[length++] = '\t';
    }
  return length;
}

int
main (int argc, char **argv)
{
  int fd = argc < 2 ? -1 : open (argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  size_t length;

  if (fd < 0)
    return 1;
  length = argc > 2 ? join (argc - 2, argv + 2) : read_input ();
  line[length++] = '\n';
  return write (fd, line, length) == (ssize_t) length ? 0 : 1;
}

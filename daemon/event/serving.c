/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serving.c - see serving.h. */
#ifdef HAVE_CONFIG_H
#include <config.h> /* _GNU_SOURCE */
#endif

#include "serving.h"

#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x49504e31u /* "IPN1" */
/* Its size is sealed: nobody can take the page away from under the other. */
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static gboolean
prepare (int fd)
{
  const ServingNote note = { .magic = MAGIC };

  return fd >= 0 && write (fd, &note, sizeof note) == sizeof note && fcntl (fd, F_ADD_SEALS, SEALS) == 0;
}

const ServingNote *
serving_new (int *fd, GError **error)
{
  void *page = MAP_FAILED;

  *fd = memfd_create ("ipmid-serving", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (prepare (*fd))
    page = mmap (NULL, sizeof (ServingNote), PROT_READ, MAP_SHARED, *fd, 0);
  if (page != MAP_FAILED)
    return page;
  g_set_error (error, IPMID_ERROR, IPMID_ERROR_UNAVAILABLE, "cannot make a page of shared memory: %s",
               g_strerror (errno));
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
  return NULL;
}

ServingNote *
serving_attach (int fd)
{
  struct stat status;
  int seals = fcntl (fd, F_GET_SEALS);

  if (seals < 0 || (seals & SEALS) != SEALS || fstat (fd, &status) < 0 || status.st_size != sizeof (ServingNote))
    return NULL;
  ServingNote *note = mmap (NULL, sizeof *note, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (note == MAP_FAILED)
    return NULL;
  if (note->magic == MAGIC)
    return note;
  serving_free (note);
  return NULL;
}

guint32
serving_set (ServingNote *note, guint32 bmc)
{
  if (note == NULL)
    return 0;
  guint32 before = note->bmc;
  __atomic_store_n (&note->bmc, bmc, __ATOMIC_RELAXED);
  __atomic_store_n (&note->count, note->count + 1, __ATOMIC_RELAXED);
  /* What follows must not be moved in front of it by the compiler: a crash
   * there has to find it written. */
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
  return before;
}

guint32
serving_bmc (const ServingNote *note)
{
  return note == NULL ? 0 : __atomic_load_n (&note->bmc, __ATOMIC_ACQUIRE);
}

guint32
serving_look (const ServingNote *note, guint64 *count)
{
  *count = note == NULL ? 0 : __atomic_load_n (&note->count, __ATOMIC_ACQUIRE);
  return serving_bmc (note);
}

void
serving_free (const ServingNote *note)
{
  if (note != NULL)
    munmap ((void *) note, sizeof *note);
}

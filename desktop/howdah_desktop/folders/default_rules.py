"""What is left out of every watched folder, unless its own rules take it back."""

from __future__ import annotations

from howdah_desktop.local_names import PART_SUFFIX

FOLDER_MARKER = ".howdah-folder"
"""The file in a watched folder's root by which it is known to be there and itself."""
PROBE_PREFIX = ".howdah-probe-"
"""Begins the names of files that are written, and removed at once, to see whether changes are told."""

OURS = (FOLDER_MARKER, f"{PROBE_PREFIX}*", f"*{PART_SUFFIX}", ".howdah-aside-*/")
"""Our own files in a folder. No rule takes them back: what they say holds for this machine alone."""

DEFAULTS = (
    # Editors: what is there while a file is open, and is gone or stale when it is closed.
    *("*.swp", "*.swo", "*.swn"),  # vim: a swap file for each open one
    ".*.un~",  # vim: the history of undo
    "4913",  # vim: whether it may write here, for some milliseconds
    ".#*",  # Emacs: a lock, a link to nowhere
    "\\#*\\#",  # Emacs: saved by itself
    "*~",  # Emacs, gedit, Kate: what the file was before
    ".*.kate-swp",  # Kate
    ".goutputstream-*",  # GNOME: a file while it is saved, then renamed
    # Office programs.
    "~$*",  # Microsoft Office: who has the document open
    ".~lock.*#",  # LibreOffice: the same
    "~WRL*.tmp",  # Word: a document while it is saved
    "~*.tmp",  # Office: parts of what is open
    # Downloads that are not whole yet; they get their name at the end.
    "*.part",  # Firefox, wget, KDE
    "*.partial",  # Internet Explorer, rsync --partial-dir's usual name
    "*.crdownload",  # Chromium
    "*.download/",  # Safari: a folder
    "*.opdownload",  # Opera
    "*.!ut",  # uTorrent
    "*.!qB",  # qBittorrent
    "*.aria2",  # aria2: what has come so far
    # What file managers keep for themselves about a folder.
    ".DS_Store",  # macOS: how the folder is shown
    "._*",  # macOS: attributes, on disks that have no place for them
    ".Spotlight-V100/",  # macOS: the index of a disk
    ".fseventsd/",  # macOS: the changes of a disk
    ".Trashes/",  # macOS: the trash of a disk
    *("Thumbs.db", "thumbs.db"),  # Windows: small pictures of what is in the folder
    "ehthumbs.db",  # Windows: the same, for films
    *("desktop.ini", "Desktop.ini"),  # Windows: how the folder is shown
    "$RECYCLE.BIN/",  # Windows: the trash of a disk
    "System Volume Information/",  # Windows: restore points, unreadable
    ".directory",  # KDE: how the folder is shown
    ".Trash-*/",  # Linux: the trash of a disk
    "lost+found/",  # ext4: only root reads it
    # Other programs that keep folders in step: what they keep beside the files.
    ".sync_*.db*",  # Nextcloud, ownCloud
    "._sync_*.db*",  # the same, older
    ".dropbox",  # Dropbox
    ".dropbox.cache/",  # Dropbox
    ".stfolder/",  # Syncthing: its marker
    ".syncthing.*.tmp",  # Syncthing: a file on its way
    "~syncthing~*.tmp",  # the same, on Windows
    ".nfs????????*",  # NFS: a file that was deleted while it is open
    ".fuse_hidden*",  # FUSE: the same
)
"""gitignore syntax, one a line."""

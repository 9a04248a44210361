"""A stand-in for the simplex-chat CLI that needs no network: same options, prompts, commands, answers and events.

`python -m simplex_sync.simulator -d PREFIX -p 0` is started like the CLI. Its measure are recordings of the CLI 6.4.5;
`--cli-version 7.0` answers in the forms of 7.x.

Architecture
------------
One process, one thread, one `selectors` loop; nothing is asynchronous code. From outside to inside:

=================  ====================================================================================================
`__main__`         the program: options, databases, prompts, then the loop
`options`          the command line and the environment
`terminal`         what is printed on the pty and asked there; writing blocks when nobody reads, as with the CLI
`server`           the loop: WebSocket connections, timers, wake-ups from the network; frames to commands and back
`engine`           `Simulator`: one profile database at work. Executes one command or one message a transaction, keeps
                   the event queue, sends what is in the outbox
`commands`         registry of command patterns, `@command("/_send {chat:chat} json {messages:json:[ComposedMessage]}")`
`arguments`        JSON arguments checked against the types of the schema
`store`            documents in SQLite tables, `define_table(…)`; every change inside a transaction
`network`          the folder that stands for the servers: mailboxes, links, faults, wake-ups
`delivery`         outgoing envelopes, delivery statuses and receipts; registry of what comes in, `@envelope("…")` and
                   `@chat_event("contact", "x.msg.new")`
`publishing`       links that this database offers, put into the network folder after the commit
`records`          wire records built from documents; `versions` the forms of 7.x; `failure` the errors, `clock` the
                   timestamps, `links`, `names`, `preferences`, `markdown`, `items`
`chats`            what chats of each type do: `@action("send", "@")`
`filling`          a new database made of an export, for a rehearsal; `phantoms` stand for the other sides in it,
                   `refusals` keeps what failed, `rehearsal` reports what was done
`startup` `users` `addresses` `connections` `joining` `contacts` `messages` `editing` `history` `timed` `connectivity`
`settings` `group…` `file…` `business`
                   the commands and message handlers, one subject each; `features` imports them all
=================  ====================================================================================================

Rules for a new subject (a module listed in `features`):

* State is documents: `define_table("groups", "groupId", {"userId": "INTEGER", …})` at import; the named keys are
  indexed columns, all the rest of the document is JSON. `sim.store.insert/get/find/first/update/delete`. A key whose
  value is None is absent, in documents as on the wire. Documents never change in place: `update(table, id, key=…)`.
* A command handler is `def handler(sim, name=…, …) -> Json` and returns the response with its `type`, or raises
  `ChatError(…)` (see `failure`), which rolls everything back and becomes `chatCmdError`. `sim.emit(event)` queues an
  event now (before the response), `sim.emit_later(event)` after the response. `commands` tells the pattern language.
* A handler never writes to the network: `delivery.send(sim, connection, [chat message, …], item_ids=[…])` puts an
  envelope in the outbox in the same transaction. After the commit the engine hands the outbox over (`sndSent` follows),
  so nothing is lost when the process is killed, and a hand-over that is repeated is known by its sequence number.
* A message from the network arrives in a handler registered for its kind, `(sim, connection, message)`, in the same
  transaction that notes its sequence number: it takes effect once.
* What members of a group say is taken by `@groups.member_event("x.msg.new")`: `(sim, group, member, message)`.
* A connection document has `entityType` (`contact`, `member`, `userContact`, `pending`) and `entityId`. Statuses and
  receipts go to the function registered by `@delivery.status_handler(entity_type)`.
* Records for the wire are built when they are needed: `records.user_record`, `contact_record`, `chat_item_record` …;
  `@records.chat_info("#")` registers how the chat info of a chat type is made, `@records.chat_direction(…)` how
  a stored direction is completed (a group member's record).
* Differences between 6.4 and 7.x are decided in `records` and `versions` only, on the way out.

The network folder
------------------
`SIMPLEX_SIM_NETWORK` (default: in the user's cache folder) holds `nodes/NODE/` for each database, with a named pipe
`wake` and one mailbox file for each sender; `links/` with addresses and invitations; `files/` for what the file servers
would hold; and `faults.json`, which rehearses failures (see `network.Faults`). A mailbox has one writer and one reader:
the sender appends lines with rising sequence numbers, the reader notes how far it came in the effect's transaction.
"""

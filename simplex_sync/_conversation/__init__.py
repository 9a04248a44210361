"""The friendly verbs of a client and the objects that they give, one subject a module.

`simplex_sync.conversation` holds the public names. From the bottom up:

================ =====================================================================================================
`base`           what the verbs need of the client
`showing`        tables, QR codes and progress bars
`files`          names and places of files that come from other people
`chats`          which chat is meant: records, references, `"@name"` and `"#name"`
`delivery`       what became of messages that were sent
`message`        `Message` and `SentMessage`
`composing`      messages as the CLI takes them
`sending`        `send`, `send_many`
`transfer_state` how far one file is
`transfers`      `FileTransfer`, `send_file`, `Message.download`
`inbox`          the cursor behind `messages()` and `run()`: every message once, gaps closed
`receiving`      `messages`
`waiting_room`   waiting for one's own connection
`links`          `Address`, `Invitation`, `GroupLink`, and the verbs that make them
`newcomers`      `ContactRequest`, `GroupInvitation`
`connecting`     `connect_to`, `contact_requests`, `group_invitations`, `create_group`
`history`        stored messages, a page at a time
`export`         stored messages into files
`handlers`       `on_message`, `on_command`, `on`, `run`
`verbs`          all of them, as the base class of the client
================ =====================================================================================================
"""

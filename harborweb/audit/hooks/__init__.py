"""What a Harbor tells us of by webhooks: receive it, look at what it names, make the policies."""

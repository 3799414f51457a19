"""Webhooks: messages about jobs and batches that have ended, posted to configured endpoints.

    trigger -> job_ends -> WebhookAnnouncer -> webhook_messages -> MessageSender -> HTTP POST

The announcer makes the messages; a sender for each endpoint posts them. All gateways run both.
"""

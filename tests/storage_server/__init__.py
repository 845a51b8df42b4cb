"""A Cloud Storage server that shows what fake-gcs-server can't, to Google's own client.

Objects that may be listed but not read, customer-supplied and disabled keys, decompressive
transcoding, requester pays and composite objects, each with the service's own replies.
"""

"""The management API on the wire, `/v2/…`, as AWS SDKs, the AWS CLI and Terraform speak it; a skin over operations."""

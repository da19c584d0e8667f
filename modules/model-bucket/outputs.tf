output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.id

  # Nothing is put into it before it is closed to the public.
  depends_on = [aws_s3_bucket_public_access_block.this, aws_s3_bucket_policy.this]
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

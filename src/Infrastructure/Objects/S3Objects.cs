using System.Net;
using System.Runtime.CompilerServices;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.Objects;

/// <summary>
/// A bucket of S3, or of what speaks its protocol. Requests are signed over their bodies in one piece: several servers store the frames of
/// chunked bodies, or refuse them, as they do checksums in trailers.
/// </summary>
public sealed class S3Objects : IObjectStore, IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5); // of one request, 100 MB included
    private const int RetriesMax = 2;

    private readonly AmazonS3Client s3;
    private readonly string bucket;
    private readonly string prefix;

    public S3Objects(S3Options options)
    {
        (bucket, prefix) = (options.Bucket, options.Prefix is { Length: > 0 } given ? given.Trim('/') + "/" : "");
        var config = new AmazonS3Config
        {
            Timeout = Timeout,
            MaxErrorRetry = RetriesMax,
            ForcePathStyle = options.PathStyle,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (options.Endpoint is { } endpoint)
        {
            (config.ServiceURL, config.AuthenticationRegion) = (endpoint.AbsoluteUri, options.Region);
        }
        else
        {
            config.RegionEndpoint = RegionEndpoint.GetBySystemName(options.Region);
        }

        s3 = options.AccessKey is { } key ? new(new BasicAWSCredentials(key, options.SecretKey), config) : new(config);
    }

    public void Dispose() => s3.Dispose();

    public Task PutAsync(string key, Stream content, CancellationToken ct)
    {
        content.Position = 0;
        return CallAsync(() => s3.PutObjectAsync(new PutObjectRequest
        {
            BucketName = bucket, Key = NameOf(key), InputStream = content, AutoCloseStream = false, AutoResetStreamPosition = true,
            UseChunkEncoding = false, ContentType = "application/octet-stream",
        }, ct), ct);
    }

    public async Task<Stream?> OpenAsync(string key, long offset, CancellationToken ct)
    {
        var request = new GetObjectRequest { BucketName = bucket, Key = NameOf(key) };
        if (offset > 0)
        {
            request.ByteRange = new($"bytes={offset}-");
        }

        try
        {
            return (await CallAsync(() => s3.GetObjectAsync(request, ct), ct)).ResponseStream;
        }
        catch (StoreUnavailable absent) when (absent.InnerException is AmazonS3Exception { StatusCode: HttpStatusCode.NotFound })
        {
            return null;
        }
    }

    public async Task DeleteAsync(string key, CancellationToken ct)
    {
        try
        {
            await CallAsync(() => s3.DeleteObjectAsync(bucket, NameOf(key), ct), ct);
        }
        catch (StoreUnavailable absent) when (absent.InnerException is AmazonS3Exception { StatusCode: HttpStatusCode.NotFound })
        {
            // some servers say so where S3 says that it is done
        }
    }

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct)
    {
        var request = new ListObjectsV2Request { BucketName = bucket, Prefix = NameOf(prefix.TrimEnd('/')) + "/" };
        while (true)
        {
            var page = await CallAsync(() => s3.ListObjectsV2Async(request, ct), ct);
            foreach (var found in page.S3Objects ?? [])
            {
                yield return found.Key[this.prefix.Length..];
            }

            if (page.IsTruncated is not true || page.NextContinuationToken is not { Length: > 0 } next)
            {
                yield break;
            }

            request.ContinuationToken = next;
        }
    }

    private string NameOf(string key) => prefix + ObjectKey.Require(key);

    private static async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken ct)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (!ct.IsCancellationRequested
            && e is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or OperationCanceledException)
        {
            throw new StoreUnavailable("objects", e);
        }
    }
}

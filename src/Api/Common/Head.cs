using Bsp.Application.Common;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;

namespace Bsp.Api.Common;

/// <summary>HEAD wherever GET works: the same work and the same headers, and nothing of the body (RFC 9110 §9.3.2).</summary>
public static class Head
{
    /// <summary>Before the routing, which knows GET only.</summary>
    public static Task AsGetAsync(HttpContext context, RequestDelegate next) =>
        HttpMethods.IsHead(context.Request.Method) ? AnswerAsync(context, next) : next(context);

    /// <summary>Before the endpoints: a stream has no end to wait for.</summary>
    public static Task SkipStreamsAsync(HttpContext context, RequestDelegate next)
    {
        var answers = context.GetEndpoint()?.Metadata.GetOrderedMetadata<IProducesResponseTypeMetadata>();
        if (context.Features.Get<Counting>() is null || answers?.Any(p => p.ContentTypes.Contains("text/event-stream")) is not true)
        {
            return next(context);
        }

        context.Response.ContentType = "text/event-stream";
        return Task.CompletedTask;
    }

    private static async Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        var wire = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        var counting = new Counting(context.Response);
        context.Features.Set(counting);
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(counting));
        context.Request.Method = HttpMethods.Get;
        try
        {
            await next(context);
            await context.Response.BodyWriter.FlushAsync(CancellationToken.None);
            if (context.Response is { StatusCode: 200, ContentLength: null } && context.Response.ContentType != "text/event-stream")
            {
                context.Response.ContentLength = counting.Length;
            }
        }
        catch (EnoughSeen)
        {
            // The beginning of a long answer: its headers are known, its length is not.
        }
        finally
        {
            context.Request.Method = HttpMethods.Head; // the server writes no body for it
            context.Features.Set(wire);
        }
    }

    private sealed class EnoughSeen : Exception;

    /// <summary>Counts what would be sent; ends a file that is written in parts at its first part.</summary>
    private sealed class Counting(HttpResponse response) : Stream
    {
        private long count;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => count;

        public override long Position { get => count; set => throw new NotSupportedException(); }

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) =>
            count > 0 && response.Headers.ContentDisposition.Count > 0 && response.ContentLength is null
                ? Task.FromException(new EnoughSeen()) : Task.CompletedTask;

        public override void Write(byte[] buffer, int offset, int count) => this.count += count;

        public override void Write(ReadOnlySpan<byte> buffer) => count += buffer.Length;

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
        {
            this.count += count;
            return Task.CompletedTask;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            count += buffer.Length;
            return ValueTask.CompletedTask;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}

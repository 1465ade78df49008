using System.Collections.Concurrent;
using Bsp.Application.Common;

namespace Bsp.Api.Common;

/// <summary>
/// Token buckets per key and per organization, in this process. Headers after draft-ietf-httpapi-ratelimit-headers: RateLimit-Limit,
/// -Remaining, -Reset (seconds until full).
/// The platform is not limited.
/// </summary>
public sealed class RateLimit(RequestDelegate next, BspOptions options, TimeProvider clock)
{
    private const int BucketsMax = 50_000;
    [Bounded("one of 0.2 KB a key, person and organization that exist; full ones are swept beyond 50,000")]
    private readonly ConcurrentDictionary<string, Bucket> buckets = new();

    public Task InvokeAsync(HttpContext context)
    {
        var caller = Caller.Of(context);
        if (caller.Role is Role.Anonymous or Role.Platform)
        {
            return next(context);
        }

        var key = Take(caller.Id, options.Limits.KeyPerSecond);
        var organization = key.Allowed ? Take(caller.OrganizationId.ToString(), options.Limits.OrganizationPerSecond) : key;
        var tighter = organization.Remaining < key.Remaining ? organization : key;
        var headers = context.Response.Headers;
        headers["RateLimit-Limit"] = tighter.Limit.ToString();
        headers["RateLimit-Remaining"] = ((int)tighter.Remaining).ToString();
        headers["RateLimit-Reset"] = tighter.SecondsToFull.ToString();
        return key.Allowed && organization.Allowed ? next(context)
            : Problems.WriteAsync(context,
                new(429, "request.rate_limited", "Too many requests: see RateLimit-Reset.", retryAfterSeconds: 1));
    }

    private Taken Take(string name, int perSecond)
    {
        if (buckets.Count > BucketsMax)
        {
            Sweep();
        }

        return buckets.GetOrAdd(name, _ => new Bucket(perSecond, clock.GetTimestamp())).Take(clock);
    }

    // A full bucket remembers nothing that a new one would not.
    private void Sweep()
    {
        foreach (var pair in buckets.Where(pair => pair.Value.IsFull(clock)))
        {
            buckets.TryRemove(pair);
        }
    }

    private readonly record struct Taken(bool Allowed, int Limit, double Remaining, int SecondsToFull);

    private sealed class Bucket(int perSecond, long since)
    {
        private const int Seconds = 2;
        private readonly Lock gate = new();
        private double tokens = perSecond * Seconds;
        private long last = since;

        public Taken Take(TimeProvider clock)
        {
            lock (gate)
            {
                Refill(clock);
                var allowed = tokens >= 1;
                tokens -= allowed ? 1 : 0;
                return new(allowed, perSecond, tokens, (int)Math.Ceiling(((perSecond * Seconds) - tokens) / perSecond));
            }
        }

        public bool IsFull(TimeProvider clock)
        {
            lock (gate)
            {
                Refill(clock);
                return tokens >= perSecond * Seconds;
            }
        }

        private void Refill(TimeProvider clock)
        {
            var now = clock.GetTimestamp();
            tokens = Math.Min(perSecond * Seconds, tokens + (clock.GetElapsedTime(last, now).TotalSeconds * perSecond));
            last = now;
        }
    }
}

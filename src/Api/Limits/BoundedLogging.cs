using Bsp.Domain.Common;
using System.Collections.Concurrent;
using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Bsp.Api.Limits;

/// <summary>
/// Whatever is logged, each kind of line (category and event) appears so often in a window and no more; how many were left out is said
/// beside the next one. So nobody fills a disk by asking for the same mistake again and
/// again, whichever statement it reaches.
/// </summary>
internal static class BoundedLogging
{
    /// <summary>Lines of one kind in one window.</summary>
    public const int LinesMax = 50;

    /// <summary>Characters of one line, without its exception.</summary>
    public const int CharactersMax = 2_000;

    /// <summary>Length of a window.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>Puts the bound around the factory that is registered.</summary>
    public static void AddBoundedLogging(this IServiceCollection services) =>
        services.Replace(ServiceDescriptor.Singleton<ILoggerFactory>(provider =>
        new Factory(ActivatorUtilities.CreateInstance<LoggerFactory>(provider), provider.GetService<TimeProvider>()
            ?? TimeProvider.System)));

    private sealed class Factory(LoggerFactory inner, TimeProvider clock) : ILoggerFactory
    {
        [Bounded("one a category, which are names of our types")]
        private readonly ConcurrentDictionary<string, ILogger> loggers = new();

        public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

        public ILogger CreateLogger(string categoryName) =>
            loggers.GetOrAdd(categoryName, name => new BoundedLogger(inner.CreateLogger(name), clock));

        public void Dispose() => inner.Dispose();
    }

    private sealed class BoundedLogger(ILogger inner, TimeProvider clock) : ILogger
    {
        // Event ids without a name may be drawn at will; beyond so many they share one count.
        private const int KindsMax = 200;
        private static readonly EventId Others = new(0, "others");

        // Kestrel's word, as an error, for a body whose reading we gave up because it came too slowly; its connection is closed, as it
        // should be.
        private const string DrainFailed = "RequestBodyDrainBodyReaderInvalidState";

        [Bounded("KindsMax")]
        private readonly ConcurrentDictionary<(int Id, string? Name), Count> counts = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (!inner.IsEnabled(logLevel) || eventId.Name == DrainFailed)
            {
                return;
            }

            var kind = counts.Count < KindsMax || counts.ContainsKey((eventId.Id, eventId.Name)) ? eventId : Others;
            var (allowed, left) = counts.GetOrAdd((kind.Id, kind.Name), _ => new(clock.GetTimestamp())).Next(clock);
            if (left > 0)
            {
                inner.Log(logLevel, eventId, $"… and {left} more lines of this kind ({eventId.Name}), which were left out", null,
                    static (text, _) => text);
            }

            if (allowed)
            {
                inner.Log(logLevel, eventId, state, exception, (s, e) => Cut(formatter(s, e)));
            }
        }

        private static string Cut(string text) => text.Length <= CharactersMax ? text : Text.Cut(text, CharactersMax) + "…";
    }

    private sealed class Count(long since)
    {
        private readonly Lock gate = new();
        private long began = since;
        private int lines;

        /// <summary>Whether one more may be written, and how many were left out in the window that is over.</summary>
        public (bool Allowed, int LeftOut) Next(TimeProvider clock)
        {
            lock (gate)
            {
                var left = 0;
                if (clock.GetElapsedTime(began) >= Window)
                {
                    (left, began, lines) = (Math.Max(0, lines - LinesMax), clock.GetTimestamp(), 0);
                }

                return (++lines <= LinesMax, left);
            }
        }
    }
}

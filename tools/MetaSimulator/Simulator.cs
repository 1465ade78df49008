using System.Net;
using Bsp.MetaSimulator.Accounts;
using Bsp.MetaSimulator.Common;
using Bsp.MetaSimulator.Control;
using Bsp.MetaSimulator.Media;
using Bsp.MetaSimulator.Messages;
using Bsp.MetaSimulator.Models;
using Bsp.MetaSimulator.Templates;
using Microsoft.AspNetCore.Http.Features;

namespace Bsp.MetaSimulator;

/// <summary>
/// Stands in for graph.facebook.com: Graph calls on <see cref="BaseUrl"/>, webhooks to <see cref="SimulatorOptions.WebhookUrl"/>.
/// </summary>
public sealed class Simulator : IAsyncDisposable
{
    /// <summary>Largest request, bytes; Meta's largest upload is a document of 100 MB.</summary>
    private const long RequestBytesMax = 101L * 1024 * 1024;

    private readonly WebApplication _app;

    private Simulator(WebApplication app, SimulatorState state) => (_app, State) = (app, state);

    /// <summary>Scheme, address and port, without a version: <c>http://127.0.0.1:41234/</c>. Any <c>/vNN.N</c> may follow.</summary>
    public Uri BaseUrl => new(_app.Urls.First());

    /// <summary>What it knows and does.</summary>
    public SimulatorState State { get; }

    /// <summary>Starts on a free port of the loopback address unless the options name another.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<Simulator> StartAsync(SimulatorOptions o, CancellationToken ct)
    {
        if (ControlJson.Wrong(o) is { } wrong)
        {
            throw new ArgumentException(wrong, nameof(o));
        }

        var builder =
            WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = typeof(Simulator).Assembly.GetName().Name });
        builder.Configuration.Sources.Clear(); // the options are all there is: nothing around it may reroute a test's simulator
        builder.Configuration.AddInMemoryCollection();
        builder.Logging.ClearProviders().AddSimpleConsole(c => c.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls(o.Url).ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Limits.MaxRequestBodySize = RequestBytesMax;
        });
        builder.Services.Configure<FormOptions>(f => f.MultipartBodyLengthLimit = RequestBytesMax);
        builder.Services.Configure<HostOptions>(h => h.ShutdownTimeout = TimeSpan.FromSeconds(2));
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        var state = new SimulatorState(o);
        Map(app, state);
        try
        {
            await app.StartAsync(ct);
        }
        catch
        {
            await app.DisposeAsync();
            await state.DisposeAsync();
            throw;
        }

        return new(app, state);
    }

    /// <summary>Ends when the process is asked to stop.</summary>
    public Task WaitForShutdownAsync(CancellationToken ct) => _app.WaitForShutdownAsync(ct);

    /// <summary>Stops listening, then the webhooks; those not yet accepted are lost.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await State.DisposeAsync();
        await _app.DisposeAsync();
    }

    private static void Map(WebApplication app, SimulatorState state)
    {
        app.Use(Guard);
        app.UseRouting();
        MessageEndpoints.Map(app, state);
        TemplateEndpoints.Map(app, state);
        MediaEndpoints.Map(app, state);
        AccountEndpoints.Map(app, state);
        ModelEndpoints.Map(app, state);
        ControlEndpoints.Map(app, state);
        app.MapFallback(http => GraphAnswer.Error(http, new(400, 2500, $"Unknown path components: {http.Request.Path}")));
    }

    /// <summary>Takes the version off the path, and turns what went wrong in here into Graph's own error.</summary>
    private static async Task Guard(HttpContext http, RequestDelegate next)
    {
        var path = "/" + http.Request.Path.Value!.TrimStart('/');
        if (VersionLength(path) is var length and > 0)
        {
            http.Response.Headers["facebook-api-version"] = path[1..length];
            path = path[length..];
        }

        http.Request.Path = path;

        try
        {
            await next(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // the caller has gone: nobody is left to answer
        }
        catch (BadHttpRequestException e)
        {
            await GraphAnswer.Error(http, new((int)(HttpStatusCode)e.StatusCode, 1, e.Message));
        }
    }

    /// <summary>Length of "/v25.0" at the beginning; 0 without a version.</summary>
    private static int VersionLength(string path)
    {
        if (path is not ['/', 'v', >= '0' and <= '9', ..])
        {
            return 0;
        }

        var end = path.IndexOf('/', 1);
        end = end < 0 ? path.Length : end;
        return path.AsSpan(2, end - 2).IndexOfAnyExcept("0123456789.") < 0 ? end : 0;
    }
}

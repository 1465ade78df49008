using System.Reflection;
using Bsp.Api.Common;
using Bsp.Api.Limits;
using Bsp.Api.Operations;
using Bsp.Api.Webhooks;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Webhooks;
using Bsp.Infrastructure;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.LedgerAudits.Shown;
using Bsp.Infrastructure.Moves;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Reconciliations;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Sharding;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.HttpOverrides;
using Carter;
using Npgsql;

namespace Bsp.Api;

/// <summary>
/// The composition root. Verbs: <c>serve</c> (or none), <c>migrate</c>, <c>rotate-keys</c>, <c>audit</c>, <c>reconcile</c>,
/// <c>projections</c>, <c>sending</c>, <c>shadows</c>, <c>shards</c>, <c>webhooks</c>, <c>retention</c>, <c>archive</c>, <c>openapi</c>.
/// </summary>
public static class Program
{
    private const long BodyBytesMax = JsonBody.BytesMax;

    // Kestrel's own limit cuts the connection, so that many clients never see the 413; below it the rest of a body that was refused is read
    // away (for at most 5 s).
    private const long BodyBytesCut = 100 * BodyBytesMax;

    public static async Task<int> Main(string[] args)
    {
        var verb = args is [['-', ..], ..] or [] ? "serve" : args[0];
        var builder = WebApplication.CreateBuilder(args is [['-', ..], ..] or [] ? args : args[1..]);
        try
        {
            switch (verb)
            {
                case "serve":
                    await ServeAsync(builder);
                    return 0;
                case "migrate":
                    using (var log = LoggerFactory.Create(logging => logging.AddSimpleConsole()))
                    {
                        await DataSources.MigrateAsync(Options(builder), log, CancellationToken.None);
                    }

                    return 0;
                case "rotate-keys":
                    using (var log = LoggerFactory.Create(logging => logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning)))
                    {
                        return await RotateKeys.RunAsync(Options(builder), log, CancellationToken.None);
                    }

                case "audit":
                    return await AuditAsync(builder, args[1..]);
                case "backup" or "restore":
                    return await BackupAsync(builder, verb, args[1..]);
                case "reconcile":
                    return await ReconcileAsync(builder, args[1..]);
                case "openapi":
                    builder.Logging.ClearProviders(); // the document alone goes to the standard output
                    Console.WriteLine(await PrintOpenApi.RunAsync(Build(builder, PrintOpenApi.Options)));
                    return 0;
                case "projections":
                    return await ProjectionsAsync(builder, args[1..]);
                case "shadows":
                    return await ShadowsAsync(builder, args[1..]);
                case "shards":
                    return await ShardsAsync(builder, args[1..]);
                case "sending":
                    return await SendingAsync(builder, args[1..]);
                case "webhooks":
                    return await WebhooksAsync(builder, args[1..]);
                case "retention":
                    return await RetentionAsync(builder, app => RetentionCommand.RunAsync(app, args[1..]));
                case "archive":
                    return await RetentionAsync(builder, app => ArchiveCommand.RunAsync(app, args[1..]));
                default:
                    return Fail(
                        $"There is no verb '{verb}': serve, migrate, rotate-keys, audit, reconcile, backup, restore, projections, "
                        + "sending, shadows, shards, webhooks, retention, archive, openapi.");
            }
        }
        catch (ConfigurationFault fault)
        {
            return Fail([.. fault.Faults]);
        }
        catch (SchemaFault fault)
        {
            return Fail(fault.Message);
        }
        catch (NpgsqlException fault) when (fault is not PostgresException)
        {
            return Fail($"PostgreSQL cannot be reached: {fault.InnerException?.Message ?? fault.Message}");
        }
        catch (PostgresException fault)
        {
            return Fail($"PostgreSQL refuses: {fault.MessageText}");
        }
    }

    /// <summary>Migrates when the options say so; then everything but running.</summary>
    public static async Task<WebApplication> PrepareAsync(WebApplicationBuilder builder)
    {
        var options = Options(builder);
        var app = Build(builder, options);
        if (options.MigrateAtStart)
        {
            await app.Services.GetRequiredService<LateMigrations>().BeginAsync(CancellationToken.None);
        }

        await ShardNames.CheckAsync(options, CancellationToken.None);
        await ConnectionBudget.CheckAsync(options, app.Services.GetRequiredService<EventStoreSettings>(), CancellationToken.None);
        app.Services.GetRequiredService<UploadSpool>().Clean(app.Services.GetRequiredService<TimeProvider>().GetUtcNow());
        return app;
    }

    private static async Task ServeAsync(WebApplicationBuilder builder)
    {
        await using var app = await PrepareAsync(builder);
        await app.RunAsync();
    }

    // Ctrl-C ends the work of a verb, which then tidies up, instead of the process.
    private static CancellationTokenSource EndedByKey()
    {
        var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, key) =>
        {
            key.Cancel = true;
            stop.Cancel();
        };
        return stop;
    }

    // While it waits for a rebuild it works on those projections that no other process holds: with no API up, on all.
    private static async Task<int> ProjectionsAsync(WebApplicationBuilder builder, string[] arguments)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        await using var app = await PrepareAsync(builder);
        using var stop = EndedByKey();
        var runner = app.Services.GetRequiredService<ProjectionRunner>();
        try
        {
            return await new ProjectionsCommand(app.Services.GetRequiredService<IProjections>(), () => runner.StartAsync(stop.Token))
                .RunAsync(arguments, stop.Token);
        }
        finally
        {
            await runner.StopAsync(CancellationToken.None);
        }
    }

    // The application is built for the other stores' sake, and not started.
    private static async Task<int> AuditAsync(WebApplicationBuilder builder, string[] arguments)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        using var log = LoggerFactory.Create(logging => logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Error));
        var options = Options(builder);
        var app = new Lazy<WebApplication>(() => Build(builder, options));
        try
        {
            return await AuditCommand.RunAsync(options, log, arguments,
                () => app.Value.Services.GetRequiredService<ShownCosts>(), CancellationToken.None);
        }
        finally
        {
            await (app.IsValueCreated ? app.Value.DisposeAsync() : ValueTask.CompletedTask);
        }
    }

    private static async Task<int> BackupAsync(WebApplicationBuilder builder, string verb, string[] arguments)
    {
        using var log = LoggerFactory.Create(logging => logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning));
        using var stop = EndedByKey();
        return await (verb == "backup" ? BackupCommand.BackUpAsync(Options(builder), arguments, stop.Token)
            : BackupCommand.RestoreAsync(Options(builder), log, arguments, stop.Token));
    }

    private static async Task<int> ReconcileAsync(WebApplicationBuilder builder, string[] arguments)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        await using var app = await PrepareAsync(builder);
        using var stop = EndedByKey();
        return await ReconcileCommand.RunAsync(app.Services.GetRequiredService<Reconciliation>(), app.Services.GetRequiredService<Shards>(),
            arguments, stop.Token);
    }

    private static async Task<int> ShadowsAsync(WebApplicationBuilder builder, string[] arguments)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        await using var app = await PrepareAsync(builder);
        using var stop = EndedByKey();
        return await ShadowsCommand.RunAsync(app.Services, arguments, stop.Token);
    }

    // While it waits for a move it works on those that no other process holds, as the views of those shards do: with no API up, on all.
    private static async Task<int> ShardsAsync(WebApplicationBuilder builder, string[] arguments)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        var options = Options(builder);
        await using var app = await PrepareAsync(builder);
        using var stop = EndedByKey();
        var runner = app.Services.GetRequiredService<ProjectionRunner>();
        try
        {
            return await new ShardsCommand(app.Services.GetRequiredService<Application.Moves.IMoves>(), options,
                (connection, ct) => MovesVerb.PrepareAsync(options, app.Services.GetRequiredService<ILoggerFactory>(), connection, ct),
                () => runner.StartAsync(stop.Token),
                ct => MovesVerb.WorkAsync(app.Services, ct)).RunAsync(arguments, stop.Token);
        }
        finally
        {
            await runner.StopAsync(CancellationToken.None);
        }
    }

    private static async Task<int> SendingAsync(WebApplicationBuilder builder, string[] arguments)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        await using var app = await PrepareAsync(builder);
        return await SendingCommand.RunAsync(app.Services.GetRequiredService<Application.Messages.ISendingSwitch>(), arguments,
            CancellationToken.None);
    }

    private static async Task<int> WebhooksAsync(WebApplicationBuilder builder, string[] arguments)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        await using var app = await PrepareAsync(builder);
        return await new WebhooksCommand(app.Services.GetRequiredService<ISetAsideWebhooks>()).RunAsync(arguments, CancellationToken.None);
    }

    private static async Task<int> RetentionAsync(WebApplicationBuilder builder, Func<VerbServices, Task<int>> work)
    {
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        await using var app = await PrepareAsync(builder);
        using var stop = EndedByKey();
        return await work(new(app.Services, stop.Token));
    }

    private static BspOptions Options(WebApplicationBuilder builder) =>
        BspConfiguration.Read(builder.Configuration, builder.Environment.IsDevelopment());

    private static WebApplication Build(WebApplicationBuilder builder, BspOptions options)
    {
        if (builder.Configuration[WebHostDefaults.ServerUrlsKey] is null && builder.Configuration["HTTP_PORTS"] is null)
        {
            builder.WebHost.UseUrls("http://127.0.0.1:8080");
        }

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = BodyBytesCut;
            kestrel.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
            ConnectionLimits.Set(kestrel.Limits, options.Limits.Connections);
        });
        builder.Services.AddBoundedLogging();
        builder.Logging.AddFilter("LuckyPennySoftware", LogLevel.None); // AutoMapper's licence notice: see docs/packages.md
        builder.Services.ConfigureHttpJsonOptions(json => WireJson.Configure(json.SerializerOptions));
        builder.Services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        builder.Services.AddAutoMapper(mapping => mapping.LicenseKey = options.AutoMapperLicenseKey, typeof(Program).Assembly);
        // validators run in the pipeline of requests
        builder.Services.AddCarter(configurator: carter => carter.WithEmptyValidators().WithEmptyResponseNegotiators());
        builder.Services.AddDocumentation();
        builder.Services.AddSingleton<Metrics>();
        builder.Services.AddSingleton<Application.Streams.IFrameEncoder, Streams.FrameEncoder>();
        builder.Services.AddSingleton<WebhookIntake>();
        builder.Services.AddSingleton<WebConsole.ConsoleFiles>();
        builder.Services.AddBsp(options);
        var app = builder.Build();
        UsePipeline(app);
        return app;
    }

    // The order is the contract: problems around all; who and whether before anything is read; limits before work; claims last.
    private static void UsePipeline(WebApplication app)
    {
        app.Services.GetRequiredService<Metrics>().Start();
        app.Use(SecurityHeaders.AddAsync);
        UseForwarded(app);
        app.UseProblems();
        app.Use(Head.AsGetAsync);
        app.UseDocumentation();
        app.UseRouting();
        app.Use(Room.NameWorkAsync);
        app.UseMiddleware<Authentication>();
        app.UseMiddleware<RateLimit>();
        app.UseMiddleware<Room>();
        app.UseMiddleware<AccountRestriction>();
        app.UseMiddleware<ActsOnRecord>();
        app.UseNegotiation();
        app.UseMiddleware<QueryTexts>();
        app.Use(LimitSizeAndTellPosition);
        app.Use(Head.SkipStreamsAsync);
        app.UseMiddleware<JsonBody>();
        app.UseMiddleware<Idempotency>();
        app.Use(IfMatch.AnyOfAsync);
        app.MapCarter(); // each route must stand in Access, or the start fails
        Access.Check(((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints));
    }

    // Behind a proxy the client's address and scheme stand in X-Forwarded-For and -Proto, which are believed from the named proxies only.
    private static void UseForwarded(WebApplication app)
    {
        var proxies = app.Services.GetRequiredService<BspOptions>().TrustedProxies;
        if (proxies.Count > 0)
        {
            var forwarded =
                new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,
                    ForwardLimit = null };
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var proxy in proxies)
            {
                forwarded.KnownIPNetworks.Add(proxy);
            }

            app.UseForwardedHeaders(forwarded);
        }
    }

    private static Task LimitSizeAndTellPosition(HttpContext context, RequestDelegate next)
    {
        LimitSize(context);
        context.Response.OnStarting(() =>
        {
            if (context.Features.Get<CurrentRequest>() is { } request && request.LastPosition > Position.Start)
            {
                context.Response.Headers["Bsp-Position"] = request.LastPosition.ToToken();
            }

            if (context.Features.Get<CurrentRequest>()?.ReplicaLag is { } lag)
            {
                context.Response.Headers["Bsp-Replica-Lag"] = ((long)Math.Ceiling(lag.TotalMilliseconds)).ToString(
                    System.Globalization.CultureInfo.InvariantCulture);
            }

            return Task.CompletedTask;
        });
        return next(context);
    }

    private static void LimitSize(HttpContext context)
    {
        var streamed = context.GetEndpoint()?.Metadata.GetMetadata<StreamedBody>() is not null;
        if (!streamed && context.Request.ContentLength > BodyBytesMax)
        {
            throw new Problem(413, "request.too_large", $"The body is larger than {BodyBytesMax} bytes.");
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = streamed ? null : context.Request.ContentLength is null ? BodyBytesMax : size.MaxRequestBodySize;
        }
    }

    private static int Fail(params string[] sentences)
    {
        foreach (var sentence in sentences)
        {
            Console.Error.WriteLine(sentence);
        }

        return 1;
    }
}
